"""What a class has handed in: no student vanishes, none is there twice."""

from pathlib import Path

from grade.submissions import handed_in
from kelas import LAB, form, pcap


def seen(*paths: Path) -> dict[str, tuple[list[str], list[str]]]:
    """Return number -> names of captures, names of forms."""
    found = handed_in(map(str, paths))
    return {
        each.number: ([f.name for f in each.captures], [f.name for f in each.forms])
        for each in found.submissions
    }


def write(folder: Path, *names: str) -> Path:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if ".pcap" in name or name.endswith(".cap"):
            file.write_bytes(pcap(LAB))
        else:
            file.write_text(form())
    return folder


def test_a_folder_for_each_student_beside_loose_files(tmp_path: Path) -> None:
    write(tmp_path, "5025241001.pcap", "5025241001.txt", "5025241002_Dewi/zmq.pcap")
    write(tmp_path, "5025241002_Dewi/jawaban.txt", "Eko_90211_assignsubmission_file_/zmq.pcap")
    write(tmp_path, "Fitri_90212_assignsubmission_file_/5025241004.pcap")
    write(tmp_path, "kelas B/5025241005.pcap", "kelas B/5025241006.pcap")
    assert seen(tmp_path) == {
        "5025241001": (["5025241001.pcap"], ["5025241001.txt"]),
        "5025241002": (["5025241002_Dewi/zmq.pcap"], ["5025241002_Dewi/jawaban.txt"]),
        "90211": (["Eko_90211_assignsubmission_file_/zmq.pcap"], []),
        "5025241004": (["Fitri_90212_assignsubmission_file_/5025241004.pcap"], []),
        "5025241005": (["kelas B/5025241005.pcap"], []),
        "5025241006": (["kelas B/5025241006.pcap"], []),
    }


def test_what_has_no_number_belongs_to_the_one_number_in_its_folder(tmp_path: Path) -> None:
    for folder in "Eko_90211_assignsubmission_file_", "Gita", "kelas B/Hana":
        number = 5025241001 + len(folder)
        write(tmp_path, f"{folder}/{number}.pcap", f"{folder}/jawaban.txt")
    write(tmp_path, "Ira_90213_assignsubmission_file_/zmq.pcap")
    write(tmp_path, "Ira_90213_assignsubmission_file_/jawaban.txt")
    write(tmp_path, "kelas A/5025241005.pcap", "kelas A/5025241006.pcap", "kelas A/jawaban.txt")
    found = seen(tmp_path)
    assert {number: len(forms) for number, (_, forms) in found.items()} == {
        **{"5025241033": 1, "5025241005": 1, "5025241013": 1, "90213": 1},
        **{"5025241006": 0, "": 1},
    }


def test_the_folder_says_whose_it_is_where_the_file_says_another(tmp_path: Path) -> None:
    write(tmp_path, "5025241001_Ani/5025241001.pcap", "5025241002_Budi/5025241001.pcap")
    assert seen(tmp_path) == {
        "5025241001": (["5025241001_Ani/5025241001.pcap"], []),
        "5025241002": (["5025241002_Budi/5025241001.pcap"], []),
    }


def test_files_of_one_number_are_one_hand_in(tmp_path: Path) -> None:
    write(tmp_path, "5025241001.pcap", "5025241001 (1).pcap", "5025241001-told.pcapng")
    write(tmp_path, "NIM 5025241001.pcap.gz", "jawaban_5025241001.txt", "5025241001.docx.txt")
    captures = ["5025241001.pcap", "5025241001 (1).pcap", "5025241001-told.pcapng"]
    forms = ["5025241001.docx.txt", "jawaban_5025241001.txt"]
    assert seen(tmp_path) == {"5025241001": ([*captures, "NIM 5025241001.pcap.gz"], forms)}


def test_without_a_number_the_name_or_the_folder_pairs(tmp_path: Path) -> None:
    write(tmp_path, "zmq.pcap", "ZMQ.txt", "ani/a.pcap", "ani/b.txt")
    found = handed_in([str(tmp_path)]).submissions
    assert [([f.name for f in s.captures], [f.name for f in s.forms]) for s in found] == [
        (["zmq.pcap"], ["ZMQ.txt"]),
        (["ani/a.pcap"], ["ani/b.txt"]),
    ]


def test_what_is_left_out_is_named(tmp_path: Path) -> None:
    write(tmp_path, "5025241001.pcap", "README.md", "foto.png", "1/2/3/4/5.pcap", ".hidden.pcap")
    (tmp_path / "leer").mkdir()
    found = handed_in([str(tmp_path)])
    assert [each.number for each in found.submissions] == ["5025241001"]
    assert found.others == ["1/2/3/4/", "README.md", "foto.png", "leer/"]
