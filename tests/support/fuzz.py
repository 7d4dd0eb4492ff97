"""What is fuzzed."""

import sys

if __name__ == "__main__":
    import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]

    name = sys.argv.pop(1)
    atheris.instrument_all()
    atheris.Setup(sys.argv, globals()[name].hypothesis.fuzz_one_input)
    atheris.Fuzz()
