"""What the set-up decides: what is missing, what is done, which wheel fits. Tests run in what it made."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import bootstrap
import preflight

SCRIPTS = Path(bootstrap.__file__).parent


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with locks and an empty `.venv`."""
    venv = tmp_path / "tree" / ".venv"
    (venv / ".mlagent").mkdir(parents=True)
    (venv / "bin").mkdir()
    (venv / "bin" / "python").touch()
    (tmp_path / "tree" / "pyproject.toml").write_text("[project]\n")
    monkeypatch.setattr(bootstrap, "TOP", venv.parent)
    monkeypatch.setattr(bootstrap, "VENV", venv)
    monkeypatch.setattr(bootstrap, "STATE", venv / ".mlagent")
    monkeypatch.setattr(bootstrap, "HALF_UNPACKED", venv / ".mlagent" / "unpacking")
    monkeypatch.setattr(bootstrap, "PYTHON", venv / "bin" / "python")
    return venv.parent


def finish(stamps: dict[str, str], *steps: str) -> None:
    for step in steps:
        (bootstrap.STATE / f"{step}.stamp").write_text(stamps[step])


@pytest.mark.parametrize("lock", [bootstrap.LOCK, bootstrap.BUILD_LOCK])
def test_every_locked_package_has_one_version_and_hashes_and_no_address(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    entries = re.split(r"\n(?=[a-z0-9])", text)
    names = [entry.partition("==")[0] for entry in entries]
    assert len(names) == len(set(names)) > 5
    for entry in entries:
        assert re.match(r"[a-z0-9-]+==\S+", entry), entry
        assert "--hash=sha256:" in entry, entry
    assert not re.search(r"://|--(extra-)?index|--find-links|\+cpu", text)


def test_every_dependency_of_the_project_is_locked() -> None:
    project = (SCRIPTS.parent / "pyproject.toml").read_text(encoding="utf-8")
    wanted = set(re.findall(r'^    "([a-z][a-z0-9-]*)(?:>=|<|==)', project, re.MULTILINE))
    locked = set(re.findall(r"^([a-z0-9-]+)==", bootstrap.LOCK.read_text(encoding="utf-8"), re.MULTILINE))
    assert {"torch", "llama-cpp-python", "pytest"} <= wanted <= locked


def test_a_new_checkout_has_everything_to_do(tree: Path, tmp_path: Path) -> None:
    stamps = bootstrap.stamps_for(tmp_path)
    assert bootstrap.left_to_do(stamps) == ["environment", "packages", "native", "project"]


def test_a_finished_step_is_not_done_again(tree: Path, tmp_path: Path) -> None:
    stamps = bootstrap.stamps_for(tmp_path)
    finish(stamps, "environment", "packages")
    assert bootstrap.left_to_do(stamps) == ["native", "project"]
    finish(stamps, *stamps)
    assert bootstrap.left_to_do(stamps) == []


def test_packages_that_were_half_unpacked_are_not_trusted(tree: Path, tmp_path: Path) -> None:
    stamps = bootstrap.stamps_for(tmp_path)
    finish(stamps, *stamps)
    bootstrap.HALF_UNPACKED.touch()
    assert bootstrap.left_to_do(stamps) == list(stamps)


def test_another_processor_gets_its_own_llama_cpp(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stamps = bootstrap.stamps_for(bootstrap.wheel_folder())
    finish(stamps, *stamps)
    monkeypatch.setattr(preflight, "processor", lambda: "flags: some other processor")
    assert bootstrap.left_to_do(bootstrap.stamps_for(bootstrap.wheel_folder())) == ["native"]


def test_other_build_settings_get_their_own_llama_cpp(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = bootstrap.wheel_folder()
    monkeypatch.setenv("CMAKE_ARGS", "-DGGML_CUDA=on")
    assert bootstrap.wheel_folder() != plain


def test_a_moved_checkout_is_set_up_anew(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stamps = bootstrap.stamps_for(tmp_path)
    finish(stamps, *stamps)
    monkeypatch.setattr(bootstrap, "TOP", tree.rename(tmp_path / "elsewhere"))
    monkeypatch.setattr(bootstrap, "STATE", tmp_path / "elsewhere" / ".venv" / ".mlagent")
    monkeypatch.setattr(bootstrap, "PYTHON", tmp_path / "elsewhere" / ".venv" / "bin" / "python")
    assert bootstrap.left_to_do(bootstrap.stamps_for(tmp_path)) == list(stamps)


def test_a_venv_made_by_something_else_is_left_alone(tree: Path) -> None:
    bootstrap.STATE.rmdir()
    with pytest.raises(bootstrap.SetupError, match="made by something else"):
        bootstrap.make_environment()
    assert bootstrap.PYTHON.exists()


def test_everything_missing_is_named_before_anything_starts(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    monkeypatch.setattr(preflight, "GB", 10**18)
    monkeypatch.setattr(bootstrap, "make_environment", lambda: pytest.fail("started"))
    assert bootstrap.main() == 1
    said = capsys.readouterr().err
    assert (
        "compiler" in said and "apt install g++" in said and "dnf install" in said and "xcode-select" in said
    )
    assert "GB of free disk" in said and str(tree) in said


def test_this_machine_has_a_compiler_that_works() -> None:
    assert list(preflight.lacks_compiler()) == []


def test_space_is_added_up_where_folders_share_a_disk(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free / preflight.GB
    half = free * 0.6
    assert list(preflight.lacks_disk([(tmp_path / "a", half)])) == []
    [said] = preflight.lacks_disk([(tmp_path / "a", half), (tmp_path / "b" / "c", half)])
    assert str(tmp_path / "a") in said and str(tmp_path / "b" / "c") in said


def test_progress_of_the_compiler_is_told_in_tenths() -> None:
    show = bootstrap.compiled()
    said = [text for n in range(1, 201) if (text := show(f"  [{n}/200] Building CXX object x.o"))]
    assert said == [f"compiled {n} %" for n in range(10, 101, 10)]


def test_a_second_set_up_waits_for_the_first(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    code = (
        "import sys; from pathlib import Path; import bootstrap\n"
        "with bootstrap.locked(Path(sys.argv[1]), 'busy'): print('entered', flush=True)"
    )
    with bootstrap.locked(lock, "never"):
        second = subprocess.Popen(
            [sys.executable, "-c", code, str(lock)],
            cwd=SCRIPTS, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert second.stderr is not None
        assert "busy; waiting" in second.stderr.readline()
        assert second.poll() is None
    out, _ = second.communicate(timeout=60)
    assert out == "entered\n" and second.returncode == 0


def test_a_start_with_nothing_left_to_do_needs_no_third_party_package() -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import bootstrap; bootstrap.wheel_folder(); print('ok')"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(SCRIPTS)], capture_output=True, text=True, check=False
    )
    assert done.stdout == "ok\n", done.stderr


def test_a_user_without_a_home_gets_caches_in_the_checkout(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", no_home)
    assert bootstrap.wheel_folder().is_relative_to(tree / ".cache")


def test_a_cache_that_cannot_be_made_is_said_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(bootstrap.SetupError, match=r"cannot be made: Not a directory\. Set XDG_CACHE_HOME"):
        bootstrap.install_native(tmp_path / "file" / "wheels")
