import io
import os
import zipfile
from pathlib import Path

from release.archive import archive

FILES = {"forwarder/handler.py": "def lambda_handler(): ...", "certifi/cacert.pem": "certificate", "a.py": ""}


def write(tree: Path, names: list[str], *, modified: int = 1_700_000_000, mode: int = 0o600) -> Path:
    for name in names:
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(FILES.get(name, "compiled"))
        path.chmod(mode)
        os.utime(path, (modified, modified))
    return tree


def opened(content: bytes) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(content))


def test_the_files_come_back_as_they_were(tmp_path: Path) -> None:
    made = opened(archive(write(tmp_path, [*FILES])).content)
    assert {name: made.read(name).decode() for name in made.namelist()} == FILES


def test_neither_order_nor_times_nor_permissions_change_a_byte(tmp_path: Path) -> None:
    one = archive(write(tmp_path / "one", [*FILES]))
    other = archive(write(tmp_path / "other", [*reversed(FILES)], modified=1_800_000_000, mode=0o755))
    assert one == other


def test_lambdas_user_may_read_every_file(tmp_path: Path) -> None:
    made = opened(archive(write(tmp_path, [*FILES])).content)
    assert {entry.external_attr >> 16 for entry in made.infolist()} == {0o100644}


def test_a_prefix_is_put_before_every_name(tmp_path: Path) -> None:
    made = opened(archive(write(tmp_path, ["a.py"]), "python/").content)
    assert made.namelist() == ["python/a.py"]


def test_the_unzipped_size_is_that_of_the_files(tmp_path: Path) -> None:
    assert archive(write(tmp_path, [*FILES])).unzipped == sum(map(len, FILES.values()))
