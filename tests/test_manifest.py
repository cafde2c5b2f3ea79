"""Files by name: the right bytes or none, from a folder, the cache or a server that misbehaves."""

import hashlib
from collections import Counter
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from misbehaving import CONTENT, OTHER, failing, misbehaving_server, sending, whole

from astrounet_core import downloads, hla, manifest
from astrounet_core._paths import MANIFEST_DIR

LIST_SHA256 = "3ad7060bb12f6d57a1ccb262925cc6abc48d52dee06dfec5fc541b0c73fde928"
"""Of the lists in the paper's repository, written as split,position,dataset."""


@pytest.fixture
def server(monkeypatch):
    """A server that has ``/right``; pauses are short."""
    monkeypatch.setattr(downloads, "PAUSE", 0.001)
    with misbehaving_server() as httpd:
        httpd.answers["/right"] = [whole]
        yield httpd


@pytest.fixture
def catalogue(tmp_path, monkeypatch):
    """A manifest of one file at a URL to be chosen; an empty cache and data folder."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("ASTROUNET_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("ASTROUNET_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(manifest, "IMAGES", tmp_path / "images.toml")

    def listed(url: str) -> None:
        digest = hashlib.sha256(CONTENT).hexdigest()
        manifest.IMAGES.write_text(
            f'[[image]]\nname = "toy"\nfile = "toy.fits"\nkind = "test"\ninstrument = "none"\nfilter = "none"\n'
            f'bytes = {len(CONTENT)}\nsha256 = "{digest}"\nurl = "{url}"\nlicence = "none"\nnote = "none"\n'
        )

    listed("http://127.0.0.1:9/nobody-listens")
    return listed


def test_download_is_cached_and_not_repeated(server, catalogue, tmp_path):
    catalogue(f"{server.url}/right")
    path = manifest.fetch("toy")
    assert path == tmp_path / "cache" / "toy.fits"
    assert path.read_bytes() == CONTENT
    assert manifest.fetch("toy.fits") == path
    assert server.count["/right"] == 1
    assert [each.name for each in path.parent.glob("[!.]*")] == ["toy.fits"]


@pytest.mark.parametrize("answer", [sending(OTHER), sending(b"<html>" + CONTENT[6:]), failing(404)])
def test_a_bad_answer_is_refused_and_nothing_of_it_kept(server, catalogue, tmp_path, answer):
    server.answers["/bad"] = [answer]
    catalogue(f"{server.url}/bad")
    with pytest.raises(manifest.DataUnavailable, match=r"ASTROUNET_DATA_DIR, or try again later\.$"):
        manifest.fetch("toy")
    assert server.count["/bad"] == 1
    assert list((tmp_path / "cache").glob("[!.]*")) == []


def test_without_network_one_sentence_says_what_to_do(catalogue):
    with pytest.raises(manifest.DataUnavailable, match=r"cannot fetch http://127.0.0.1:9/nobody-listens"):
        manifest.fetch("toy")
    with pytest.raises(manifest.DataUnavailable, match=r"run `astrounet data fetch toy`\.$"):
        manifest.fetch("toy", download=False)


def test_the_data_folder_comes_before_the_cache(catalogue, tmp_path):
    for folder in ("data", "cache"):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "toy.fits").write_bytes(CONTENT)
    assert manifest.fetch("toy") == tmp_path / "data" / "toy.fits"
    (tmp_path / "data" / "toy.fits").unlink()
    assert manifest.fetch("toy", download=False) == tmp_path / "cache" / "toy.fits"


@pytest.mark.parametrize("folder", ["data", "cache"])
@pytest.mark.parametrize("byte", [0, len(CONTENT) // 2, len(CONTENT) - 1])
def test_a_damaged_file_is_an_error_not_an_input(catalogue, tmp_path, folder, byte):
    path = tmp_path / folder / "toy.fits"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(CONTENT[:byte] + bytes([CONTENT[byte] ^ 1]) + CONTENT[byte + 1 :])
    good, bad = (hashlib.sha256(content).hexdigest()[:12] for content in (CONTENT, path.read_bytes()))
    with pytest.raises(
        ValueError, match=rf"toy\.fits is damaged: sha256 {bad}…, expected {good}…; delete it"
    ) as caught:
        manifest.fetch("toy")
    assert not isinstance(caught.value, OSError)
    assert manifest.status()[0] == {"name": "toy", "state": "corrupt", "where": str(path)}


def test_status_follows_the_file(server, catalogue, tmp_path):
    catalogue(f"{server.url}/right")
    assert manifest.status()[0] == {"name": "toy", "state": "missing", "where": None}
    path = manifest.fetch("toy")
    assert manifest.status()[0] == {"name": "toy", "state": "present", "where": str(path)}


def test_unknown_image_names_the_known_ones(catalogue):
    with pytest.raises(ValueError, match=r"no image 'tyo'; choose one of toy\.$"):
        manifest.entry("tyo")


def test_weights_are_checked(tmp_path, monkeypatch):
    monkeypatch.setattr(manifest, "WEIGHTS", tmp_path / "weights.toml")
    monkeypatch.setattr(manifest, "WEIGHTS_DIR", tmp_path)
    with pytest.raises(ValueError, match="no published network 'net' \\(there are: none yet\\)"):
        manifest.weights_path("net")
    manifest.WEIGHTS.write_text(f'[net]\nsha256 = "{hashlib.sha256(CONTENT).hexdigest()}"\nbytes = {len(CONTENT)}\n')
    with pytest.raises(FileNotFoundError, match=r"git checkout -- weights/net\.safetensors"):
        manifest.weights_path("net")
    path = tmp_path / "net.safetensors"
    path.write_bytes(CONTENT)
    assert manifest.weights_path("net") == path
    assert manifest.status()[-1] == {"name": "net", "state": "present", "where": str(path)}
    path.write_bytes(CONTENT[:-5])
    with pytest.raises(ValueError, match=r"net\.safetensors is damaged.*git checkout"):
        manifest.weights_path("net")


def test_the_manifest_is_well_formed():
    listed = manifest.entries()
    assert len(listed) == 17
    assert len({each.name for each in listed}) == len({each.file for each in listed}) == 17
    for each in listed:
        url = urlsplit(each.url)
        assert (url.scheme, url.netloc) == ("https", "raw.githubusercontent.com")
        assert len(url.path.split("/")[3]) == 40, "pinned to a commit"
        assert url.path.isascii() and " " not in url.path and "+" not in url.path
        assert len(bytes.fromhex(each.sha256)) == 32
        assert each.exposure_time is None or each.exposure_time > 0
        assert each.note.endswith(".") and each.licence and each.instrument and each.filter


def test_published_weights_match_their_list():
    listed = {each["name"] for each in manifest.status()} - {each.name for each in manifest.entries()}
    assert listed == {path.stem for path in manifest.WEIGHTS_DIR.glob("*.safetensors")}


def test_real_files_match_the_manifest(data_dir):
    present = [each for each in manifest.entries() if (data_dir / each.file).exists()]
    assert present
    for each in present:
        assert manifest.fetch(each.name, download=False) == data_dir / each.file
        assert (data_dir / each.file).stat().st_size == each.bytes


def test_hla_list_and_what_its_readme_says_of_it():
    rows = manifest.hla_files()
    assert Counter(row["split"] for row in rows) == {"training": 160, "validation": 20, "test": 20}
    splits = {name: {row["split"] for row in rows if row["dataset"] == name} for name in {r["dataset"] for r in rows}}
    overlapping = sum(len(each) > 1 for each in splits.values())
    trained = {manifest.proposal(row["dataset"]) for row in rows if row["split"] == "training"}
    leaking = sum(manifest.proposal(row["dataset"]) in trained for row in rows if row["split"] == "test")
    assert (len(splits), overlapping, leaking) == (149, 16, 17)
    text = (MANIFEST_DIR / "README.md").read_text()
    assert "149 different files; 16 of those" in text and "17 of the 20 test" in text and "155, 22 and 23" in text
    assert manifest.HLA_URL.format(dataset="<dataset>") in text


def test_the_list_is_the_papers():
    """Position by position: 200 rows whose order and names can't change unseen."""
    rows = manifest.hla_files()
    places = [(row["split"], int(row["position"])) for row in rows]
    sizes = {"training": 160, "validation": 20, "test": 20}
    assert places == [(split, place) for split, size in sizes.items() for place in range(1, size + 1)]
    text = "".join(f"{row['split']},{row['position']},{row['dataset']}\n" for row in rows)
    assert hashlib.sha256(text.encode()).hexdigest() == LIST_SHA256


def test_leak_free_column_shares_no_proposal():
    rows = manifest.hla_files()
    assert [row["leak_free_split"] for row in rows] == manifest.leak_free_splits(rows)
    homes: dict[int, set[str]] = {}
    for row in rows:
        homes.setdefault(manifest.proposal(row["dataset"]), set()).add(row["leak_free_split"])
    assert all(len(splits) == 1 for splits in homes.values())
    assert Counter(row["leak_free_split"] for row in rows) == {"training": 155, "validation": 22, "test": 23}


ROWS = st.lists(
    st.builds(
        lambda split, number: {"split": split, "dataset": f"hst_{number}_01_wfc3_uvis_f606w"},
        st.sampled_from(["training", "validation", "test"]),
        st.integers(11000, 11015),
    ),
    max_size=60,
)


@given(ROWS, st.integers(1, 20))
def test_leak_free_splits_of_any_list(rows, size):
    splits = manifest.leak_free_splits(rows, size)
    assert len(splits) == len(rows)
    homes: dict[str, set[str]] = {}
    for row, split in zip(rows, splits, strict=True):
        homes.setdefault(row["dataset"], set()).add(split)
    assert all(len(each) == 1 for each in homes.values())
    tested = {row["dataset"] for row in rows if row["split"] == "test"}
    assert {row["dataset"] for row, split in zip(rows, splits, strict=True) if split == "test"} <= tested
    held = sum(row["dataset"] in tested for row in rows)
    assert splits.count("test") >= min(size, held)


def test_names_stand_for_files_each_once():
    count = {name: len(manifest.select([name])) for name in manifest.hla_names()}
    parts = manifest.HLA_SPLITS
    rows = manifest.hla_files()
    for split in parts:
        for column, name in (("split", f"hla:{split}"), ("leak_free_split", f"hla:leak-free-{split}")):
            files = {row["dataset"] for row in rows if row[column] == split}
            assert {each.name for each in manifest.select([name])} == files and count[name] == len(files)
    assert count["hla"] == 149 == sum(count[f"hla:leak-free-{split}"] for split in parts)
    text = (MANIFEST_DIR / "README.md").read_text()
    for prefix, sentence in (
        ("", "lists: {}, {} and {} different files"),
        ("leak-free-", "proposal: {}, {} and {} files"),
    ):
        assert sentence.format(*(count[f"hla:{prefix}{split}"] for split in parts)) in text
    assert manifest.select([]) == manifest.entries() and sum(each.bytes for each in manifest.entries()) // 10**6 == 15
    assert [each.name for each in manifest.select(["vgg16", "horseshoe_f606w", "vgg16"])] == [
        "vgg16",
        "horseshoe_f606w",
    ]
    (one,) = manifest.select(["hst_13003_35_wfc3_uvis_f606w", "hst_13003_35_wfc3_uvis_f606w_drz.fits"])
    assert one.file == "hst_13003_35_wfc3_uvis_f606w_drz.fits"


@pytest.mark.parametrize("name", ["hla:", "hla:tests", "hla:leak-free-", "hla:leak-free", "hla:hla"])
def test_no_such_part_of_the_papers_files(name):
    with pytest.raises(ValueError, match=rf"no part '{name}' .* hla, hla:training, .*, hla:leak-free-test\.$"):
        manifest.select([name])


def test_training_looks_for_the_files_that_fetch_gets():
    for split in manifest.HLA_SPLITS:
        with pytest.MonkeyPatch.context() as patch:
            asked = []
            patch.setattr(hla, "find_local", lambda file, asked=asked: asked.append(file) or file)
            hla.files(split)
        assert asked == [each.file for each in manifest.hla_downloads(f"hla:leak-free-{split}")]


def test_addresses_of_the_papers_files():
    (one,) = manifest.select(["hst_13003_35_wfc3_uvis_f606w"])
    assert one.url == "https://hla.stsci.edu/cgi-bin/getdata.cgi?dataset=hst_13003_35_wfc3_uvis_f606w_drz.fits"
    (mirror,) = one.mirrors
    address, _, query = mirror.partition("?")
    assert address == "https://mast.stsci.edu/api/v0.1/Download/file" and not set("?&:/ ") & set(query)
    uri = unquote(query.removeprefix("uri="))
    assert uri == "mast:HLA/url/cgi-bin/getdata.cgi?dataset=hst_13003_35_wfc3_uvis_f606w_drz.fits"
