"""The command ``astrounet data``: what it prints, and that one bad file costs no other."""

import hashlib

import pytest
from misbehaving import CONTENT, OTHER, failing, misbehaving_server, sending, whole

from astrounet_core import cli, downloads, manifest


@pytest.fixture
def images(tmp_path, monkeypatch):
    """A manifest of three images at a local server, of which the second is not there."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("ASTROUNET_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("ASTROUNET_DATA_DIR", raising=False)
    monkeypatch.setattr(downloads, "PAUSE", 0.001)
    monkeypatch.setattr(manifest, "IMAGES", tmp_path / "images.toml")
    with misbehaving_server() as server:
        texts = []
        for name, answer in (("one", whole), ("two", failing(404)), ("three", whole)):
            server.answers[f"/{name}"] = [answer]
            known = f'bytes = {len(CONTENT)}\nsha256 = "{hashlib.sha256(CONTENT).hexdigest()}"\nlicence = "none"\n'
            words = 'kind = "test"\ninstrument = "WFPC2"\nfilter = "F336W"\nnote = "none"\n'
            texts.append(
                f'[[image]]\nname = "{name}"\nfile = "{name}.fits"\nurl = "{server.url}/{name}"\n{known}{words}'
            )
        manifest.IMAGES.write_text("\n".join(texts))
        yield server


def run(capsys, *arguments) -> tuple[int, list[str], list[str]]:
    code = cli.main(["data", *arguments])
    out, err = capsys.readouterr()
    return code, out.splitlines(), err.splitlines()


def kept(tmp_path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "cache").glob("[!.]*"))


def test_list_shows_all_that_can_be_fetched_and_what_is_here(images, tmp_path, capsys):
    assert run(capsys, "fetch", "one", "--quiet") == (0, [], [])
    code, lines, _ = run(capsys, "list")
    rows = {line.split()[0]: line.split()[1:] for line in lines}
    assert code == 0 and list(rows) == ["one", "two", "three", "vgg16", *manifest.hla_names()]
    assert rows["one"] == ["here", "0.02", "MB", "WFPC2", "F336W"] and rows["two"][0] == "-"
    assert rows["hla"][:4] == ["0", "here", "149", "files"] and rows["hla:test"][2] == "18", "of 20 rows"


def test_fetch_prints_where_files_are(images, tmp_path, capsys):
    code, out, err = run(capsys, "fetch", "one", "three", "one")
    assert (code, sorted(out), err) == (0, [str(tmp_path / "cache" / f"{n}.fits") for n in ("one", "three")], [])
    assert all((tmp_path / "cache" / f"{name}.fits").read_bytes() == CONTENT for name in ("one", "three"))
    assert run(capsys, "fetch", "one")[1] == [str(tmp_path / "cache" / "one.fits")]
    assert sorted(path for path, _ in images.asked) == ["/one", "/three"]


@pytest.mark.parametrize("names", [["one", "two", "three"], []])
def test_a_file_that_fails_is_reported_last_and_costs_no_other(images, tmp_path, capsys, names):
    code, out, err = run(capsys, "fetch", *names)
    assert code == 2 and len(out) == 2 and kept(tmp_path) == ["one.fits", "three.fits"]
    assert err[0].startswith(f"astrounet: cannot fetch {images.url}/two (HTTP Error 404: Not Found); put two.fits into")
    assert err[1:] == ["astrounet: 1 of 3 files failed."]


def test_a_single_file_that_fails_is_one_sentence(images, tmp_path, capsys):
    code, out, err = run(capsys, "fetch", "two")
    assert (code, out, len(err)) == (2, [], 1) and kept(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("four", "no image 'four'; choose one of one, two, three."),
        ("hla:tset", "no part 'hla:tset' of the paper's files; choose one of hla, hla:training,"),
    ],
)
def test_an_unknown_name_is_one_sentence_before_anything_is_fetched(images, capsys, name, sentence):
    for action in ("fetch", "verify"):
        code, out, err = run(capsys, action, "one", name)
        assert (code, out, len(err)) == (2, [], 1) and err[0].startswith(f"astrounet: {sentence}")
    assert images.asked == []


def test_verify_names_what_is_damaged(images, tmp_path, capsys):
    assert cli.main(["data", "fetch", "one", "three", "--quiet"]) == 0
    code, out, err = run(capsys, "verify")
    networks = [f"present  {path.stem}" for path in manifest.WEIGHTS_DIR.glob("*.safetensors")]
    assert (code, err) == (0, []) and sorted(out) == sorted(["present  one", "present  three", *networks])
    (tmp_path / "cache" / "three.fits").write_bytes(OTHER)
    code, out, err = run(capsys, "verify")
    assert code == 2 and "corrupt  three" in out and "present  one" in out
    assert len(err) == 1 and f"{tmp_path / 'cache' / 'three.fits'} is damaged" in err[0] and "delete it" in err[0]


def test_verify_of_a_missing_file_by_name_is_no_success(images, capsys):
    code, out, err = run(capsys, "verify", "one")
    assert (code, out) == (2, ["missing  one"])
    assert err == ["astrounet: one.fits is not on this machine; run `astrounet data fetch one`."]


def test_an_interrupt_says_that_the_same_command_goes_on(images, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(downloads, "as_completed", interrupted)
    code, _, err = run(capsys, "fetch", "one")
    assert code == 130
    assert err == ["astrounet: interrupted; what has come is kept, the same command goes on from there."]


@pytest.mark.parametrize("action", ["fetch", "verify", "find"])
def test_help_gives_examples(action, capsys):
    with pytest.raises(SystemExit):
        cli.main(["data", action, "--help"])
    assert f"astrounet data {action} " in capsys.readouterr().out.split("example")[-1]


def test_a_part_is_never_verified_or_listed_as_here(images, tmp_path, capsys):
    images.answers["/one"] = [sending(CONTENT[:5000], len(CONTENT))]
    assert run(capsys, "fetch", "one")[0] == 2
    (part,) = (tmp_path / "cache").glob("*.part")
    assert part.read_bytes() == CONTENT[:5000] and run(capsys, "verify", "one")[1] == ["missing  one"]
    assert run(capsys, "list")[1][0].split()[1] == "-"
