"""Is what the lab, or a task, asks for in the captures? How many answers of a form are right?"""

import argparse

from cli.story import tell
from cli.terminal import colour, complain
from grade.answers import Answers, tally
from grade.form import Form, FormError, read_form
from grade.numbers import ways
from grade.requirements import Requirement, rows, summary, table, task_of
from output.language import _, say
from story.story import Story


def run(options: argparse.Namespace) -> int:
    """Check each capture in `options`, and return the exit code: 1 if something is missing."""
    code = passed = 0
    many = len(options.captures) > 1

    found: list[Requirement] = []  # of the capture that is being checked

    def lines(name: str, story: Story) -> list[str]:
        found[:] = task.rows(story) if task else rows(story)
        if many:
            return [summary(name, found, story)]
        return list(table(name, found, story, colour(), where=not options.answers))

    for path in options.captures:
        task, whole = task_of(options.task)
        story = Story(options.all, options.ports, options.expect, whole=whole)
        form = None
        try:
            form = read_form(options.answers) if options.answers else None
        except FormError as error:
            code = complain(options.answers, error.said)
        answers = Answers(form or Form({}, []), ways(options.expect))
        looks = [answers.look] if form else [task.look] if task else []
        unwritten, wrong = tell(options, path, story, lines, *looks)
        if unwritten or wrong:
            code = unwritten or complain(path, wrong)
        else:
            holds = all(row.packets for row in found)
            passed += holds
            code = code or int(not holds)
        if form and story.packets:
            code = max(code, _marked(answers, story))
    if many:
        said = _("{passed} of {all} captures complete")
        print(said.format(passed=passed, all=len(options.captures)))
    return code


def _marked(answers: Answers, story: Story) -> int:
    """Print how many answers are right, not which; return the exit code."""
    marks = answers.marks(story)
    print(*(*tally(marks), *map(say, answers.form.odd)), sep="\n")
    return int(any(mark.verdict != "right" for mark in marks))
