from __future__ import annotations

import gzip
import hashlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from deepmr.data.encode import encode_source
from deepmr.data.encode_portal.catalogue import Catalogue, Entry
from deepmr.data.encode_portal.download import Download, fetch_all
from deepmr.data.encode_portal.portal import Portal

from .conftest import SIZES, SPLITS, random_sequences
from .portal_server import StandIn

GATA1 = gzip.compress(b"".join(b"%s\t1000\t1400\n" % name.encode() for name in SIZES))
TAL1 = gzip.compress(b"".join(b"%s\t2000\t2200\n" % name.encode() for name in SIZES))
FASTA = gzip.compress("".join(f">{n}\n{s}\n" for n, s in random_sequences().items()).encode())
SETTINGS = {
    "assembly": "GRCh38",
    "genome": {"accession": "GENOME"},
    "exclude": None,
    "tracks": [
        {"target": "GATA1", "biosample": "K562", "accession": "ENCFF001AAA"},
        {"target": "TAL1", "biosample": "K562", "accession": "ENCFF002AAA"},
    ],
}

Make = Callable[..., Catalogue]
NAMED = ["GATA1", "TAL1"]
pytestmark = pytest.mark.filterwarnings("ignore:no digest is pinned")


@pytest.fixture
def server() -> Iterator[StandIn]:
    stand_in = StandIn()
    stand_in.add("GENOME", FASTA, suffix=".fasta.gz", output_type="genome reference", target=None)
    stand_in.add("ENCFF001AAA", GATA1)
    stand_in.add("ENCFF002AAA", TAL1, target={"label": "TAL1"})
    yield stand_in
    stand_in.close()


@pytest.fixture
def catalogue(server: StandIn) -> Make:
    def make(**options: Any) -> Catalogue:
        settings = SETTINGS | options.pop("settings", {})
        portal = Portal(address=options.pop("address", server.address), retries=2, pause=0.01)
        chosen = {"targets": None, "biosample": "K562"} | options
        return Catalogue(settings, portal=portal, **chosen)

    return make


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "encode" / "GRCh38"


def test_files_come_whole_with_their_records(catalogue: Make, cache: Path) -> None:
    fetched = catalogue().fetch()
    assert (cache / "ENCFF001AAA.bed.gz").read_bytes() == GATA1
    assert fetched.genome == cache / "GENOME.fasta.gz"
    assert [track.task.name for track in fetched.tracks] == ["K562_GATA1", "K562_TAL1"]
    record = next(r for r in fetched.records if r["accession"] == "ENCFF001AAA")
    assert record["md5"] == hashlib.md5(GATA1).hexdigest()
    assert record["experiment"] == "ENCSR000AAA"


def test_what_is_in_the_cache_is_not_asked_for_again(catalogue: Make, server: StandIn) -> None:
    first = catalogue().fetch()
    server.asked.clear()
    assert catalogue().fetch() == first
    assert not server.asked


def test_a_source_trains_on_what_was_fetched(server: StandIn) -> None:
    source = encode_source(
        None, catalogue=SETTINGS, portal=server.address, splits=SPLITS, context=400
    )
    assert len(source.download()) == 3
    assert source.tasks.names == ("K562_GATA1", "K562_TAL1")
    assert {row["accession"] for row in source.provenance()} == set(server.records)
    assert len(source.split("train")) > 0


def test_missing_record_is_named(catalogue: Make, server: StandIn) -> None:
    del server.records["ENCFF002AAA"]
    with pytest.raises(LookupError, match="has no file ENCFF002AAA"):
        catalogue(targets=NAMED).fetch()


def test_missing_content_names_source_and_place(
    catalogue: Make, server: StandIn, cache: Path
) -> None:
    server.troubles["/content/ENCFF002AAA"] = [404]
    place = cache / "ENCFF002AAA.bed.gz"
    with pytest.raises(FileNotFoundError, match=rf"@@download\S+ -> {place} \(.* answered 404\)"):
        catalogue().fetch()
    assert (cache / "ENCFF001AAA.bed.gz").exists()


@pytest.mark.parametrize("trouble", [503, 500, 429, "cut"])
@pytest.mark.parametrize("path", ["/content/ENCFF001AAA", "/files/ENCFF001AAA/"])
def test_passing_trouble_is_tried_again(
    catalogue: Make, server: StandIn, cache: Path, trouble: Any, path: str
) -> None:
    server.troubles[path] = [trouble, trouble]
    catalogue().fetch()
    assert (cache / "ENCFF001AAA.bed.gz").read_bytes() == GATA1
    assert server.asked[path] == (1 if (trouble, path[1]) == ("cut", "f") else 3)


def test_lasting_trouble_ends_after_the_stated_tries(catalogue: Make, server: StandIn) -> None:
    server.troubles["/content/ENCFF001AAA"] = [503] * 9
    with pytest.raises(FileNotFoundError, match="the server answered 503"):
        catalogue().fetch()
    assert server.asked["/content/ENCFF001AAA"] == 3


def test_body_cut_short_is_continued_where_it_stopped(
    catalogue: Make, server: StandIn, cache: Path
) -> None:
    body = os.urandom(1 << 20)
    server.add("ENCFF001AAA", body)
    server.troubles["/content/ENCFF001AAA"] = ["cut"]
    catalogue().fetch()
    (asked,) = server.ranges
    assert 0 < int(asked.removeprefix("bytes=").rstrip("-")) <= len(body) // 2
    assert (cache / "ENCFF001AAA.bed.gz").read_bytes() == body


def test_wrong_content_is_never_used(catalogue: Make, server: StandIn, cache: Path) -> None:
    server.content["ENCFF001AAA"] = TAL1
    with pytest.raises(ValueError, match="has not the content the portal promises"):
        catalogue(targets=NAMED).fetch()
    assert not (cache / "ENCFF001AAA.bed.gz").exists()
    server.content["ENCFF001AAA"] = GATA1
    catalogue(targets=NAMED).fetch()
    assert (cache / "ENCFF001AAA.bed.gz").read_bytes() == GATA1


def test_stale_part_of_other_content_is_thrown_away(
    catalogue: Make, server: StandIn, cache: Path
) -> None:
    cache.mkdir(parents=True)
    md5 = hashlib.md5(GATA1).hexdigest()[:8]
    for stale in (b"something else", b"x" * (len(GATA1) + 9)):
        (cache / f".ENCFF001AAA.bed.gz.{md5}.part").write_bytes(stale)
        catalogue().fetch()
        assert (cache / "ENCFF001AAA.bed.gz").read_bytes() == GATA1
        (cache / "ENCFF001AAA.bed.gz").unlink()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"assembly": "hg19"}, "must have the assembly GRCh38, the portal says 'hg19'"),
        ({"output_type": "alignments"}, "must have the output type IDR thresholded peaks or"),
        ({"target": {"label": "SPI1"}}, "must have the target GATA1, the portal says 'SPI1'"),
        ({"target": "/targets/SPI1-human/"}, "must have the target GATA1, the portal says 'SPI1'"),
        ({"biosample_ontology": {"term_name": "HepG2"}}, "must have the biosample K562"),
        ({"status": "revoked"}, "must have the status released or archived"),
    ],
)
def test_file_that_is_not_what_was_asked_for_is_refused_before_it_is_fetched(
    catalogue: Make, server: StandIn, change: dict[str, Any], complaint: str
) -> None:
    server.records["ENCFF001AAA"] |= change
    with pytest.raises(ValueError, match=f"ENCFF001AAA {complaint}"):
        catalogue(targets=NAMED).fetch()
    assert not server.asked["/content/ENCFF001AAA"]


def test_pinned_checksum_must_agree_with_the_portal(catalogue: Make) -> None:
    tracks = [SETTINGS["tracks"][0] | {"md5": "0" * 32}]
    with pytest.raises(ValueError, match="must have the md5 0000"):
        catalogue(settings={"tracks": tracks}, targets=["GATA1"]).fetch()


def test_incomplete_record_is_refused(catalogue: Make, server: StandIn) -> None:
    del server.records["ENCFF001AAA"]["md5sum"]
    with pytest.raises(LookupError, match="record of ENCFF001AAA lacks 'md5sum'"):
        catalogue(targets=NAMED).fetch()


def test_without_a_network_every_file_is_listed(
    catalogue: Make, server: StandIn, cache: Path
) -> None:
    server.close()
    with pytest.raises(FileNotFoundError, match=r"3 file\(s\) are missing") as caught:
        catalogue().fetch()
    for name in ("GENOME.fasta.gz", "ENCFF001AAA.bed.gz", "ENCFF002AAA.bed.gz"):
        accession = name.split(".")[0]
        source = f"{server.address}/files/{accession}/@@download/{name}"
        assert f"{source} -> {cache / name} (no connection)" in str(caught.value)


def test_files_placed_by_hand_need_no_network(
    catalogue: Make, server: StandIn, cache: Path
) -> None:
    server.close()
    cache.mkdir(parents=True)
    content = {"GENOME.fasta.gz": FASTA, "ENCFF001AAA.bed.gz": GATA1, "ENCFF002AAA.bed.gz": TAL1}
    for name, body in content.items():
        (cache / name).write_bytes(body)
    fetched = catalogue().fetch()
    assert [track.task.name for track in fetched.tracks] == ["K562_GATA1", "K562_TAL1"]
    assert all("placed by hand" in record["note"] for record in fetched.records)


def test_file_placed_by_hand_must_have_the_pinned_checksum(catalogue: Make, cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / "ENCFF001AAA.bed.gz").write_bytes(TAL1)
    tracks = [SETTINGS["tracks"][0] | {"md5": hashlib.md5(GATA1).hexdigest()}]
    with pytest.raises(ValueError, match="has not the content of ENCFF001AAA"):
        catalogue(settings={"tracks": tracks}).fetch()


def test_other_targets_are_searched_for(catalogue: Make, server: StandIn) -> None:
    server.add("ENCFF003AAA", TAL1, target={"label": "SPI1"})
    server.add("ENCFF004AAA", TAL1, target={"label": "SPI1"}, assembly="hg19")
    server.add("ENCFF005AAA", TAL1, target={"label": "SPI1"}, preferred_default=False)
    server.add("ENCFF006AAA", TAL1, target={"label": "SPI1"}, output_type="alignments")
    fetched = catalogue(targets=["GATA1", "SPI1"]).fetch()
    assert [track.file.name for track in fetched.tracks] == [
        "ENCFF001AAA.bed.gz",
        "ENCFF003AAA.bed.gz",
    ]
    assert len(server.queries) == 1
    assert server.queries[0]["status"] == ["released"]


def test_search_result_is_kept_so_that_a_later_run_gets_the_same(
    catalogue: Make, server: StandIn
) -> None:
    server.add("ENCFF003AAA", TAL1, target={"label": "SPI1"})
    first = catalogue(targets=["SPI1"]).fetch()
    server.add("ENCFF007AAA", TAL1, target={"label": "SPI1"})
    assert catalogue(targets=["SPI1"]).fetch() == first


@pytest.mark.parametrize(
    ("target", "record"),
    [
        ("H3K9ac", {"assay_title": "Histone ChIP-seq", "output_type": "replicated peaks"}),
        ("DNase", {"assay_title": "DNase-seq", "output_type": "peaks", "target": None}),
        (
            "ATAC",
            {"assay_title": "ATAC-seq", "output_type": "IDR thresholded peaks", "target": None},
        ),
    ],
)
def test_assay_and_output_type_follow_the_target(
    catalogue: Make, server: StandIn, target: str, record: dict[str, Any]
) -> None:
    server.add("ENCFF003AAA", TAL1, **({"target": {"label": target}} | record))
    (track,) = catalogue(targets=[target]).fetch().tracks
    assert (track.task.target, track.task.assay) == (target, record["assay_title"])


def test_several_answers_are_listed_for_the_user_to_choose(
    catalogue: Make, server: StandIn
) -> None:
    server.add("ENCFF003AAA", TAL1, target={"label": "SPI1"})
    server.add("ENCFF004AAA", TAL1, target={"label": "SPI1"}, date_created="2021-05-05T0")
    expected = (
        r"names 2 files on the portal: ENCFF004AAA \(ENCSR000AAA, .*2021-05-05\); ENCFF003AAA"
    )
    with pytest.raises(LookupError, match=expected):
        catalogue(targets=["SPI1"]).fetch()
    (track,) = catalogue(targets=["ENCFF003AAA"]).fetch().tracks
    assert (track.task.target, track.file.name) == ("SPI1", "ENCFF003AAA.bed.gz")


def test_no_answer_names_the_search(catalogue: Make) -> None:
    with pytest.raises(LookupError, match=r"no released default peaks of SPI1 in K562.*target"):
        catalogue(targets=["SPI1"]).fetch()


def test_search_without_a_network_says_what_to_do(catalogue: Make, server: StandIn) -> None:
    server.close()
    with pytest.raises(FileNotFoundError, match=r"SPI1 in K562 has to be looked up.*SPI1"):
        catalogue(targets=["SPI1"]).fetch()
    with pytest.raises(FileNotFoundError, match=r"ENCFF009AAA is not in the cache"):
        catalogue(targets=["ENCFF009AAA"]).fetch()


def test_search_gives_accessions_and_each_record_gives_the_rest(
    catalogue: Make, server: StandIn
) -> None:
    server.add("ENCFF003AAA", TAL1, target={"label": "SPI1"})
    assert "md5sum" not in server.found({"accession": ["ENCFF003AAA"]})[0]
    (track,) = catalogue(targets=["SPI1"]).fetch().tracks
    assert track.file.read_bytes() == TAL1
    assert server.asked["/files/ENCFF003AAA/"] >= 1


def test_biosample_named_by_its_path_is_looked_up(catalogue: Make, server: StandIn) -> None:
    path = "/biosample-types/cell_line_EFO_0002067/"
    server.linked[path] = {"@id": path, "term_name": "K562"}
    server.add("ENCFF003AAA", TAL1, target="/targets/SPI1-human/", biosample_ontology=path)
    (track,) = catalogue(targets=["ENCFF003AAA"]).fetch().tracks
    assert (track.task.target, track.task.biosample) == ("SPI1", "K562")


@pytest.mark.parametrize(
    "change",
    [{"assembly": "hg19"}, {"status": "revoked"}, {"md5sum": None}, {"md5sum": "../../../e"}],
)
def test_refused_track_of_the_catalogue_is_left_out_and_said(
    catalogue: Make, server: StandIn, cache: Path, change: dict[str, Any]
) -> None:
    server.records["ENCFF001AAA"] |= change
    with pytest.warns(UserWarning, match=r"1 of 2 tracks .* were refused and left out: .*001AAA"):
        fetched = catalogue().fetch()
    assert [track.task.target for track in fetched.tracks] == ["TAL1"]
    assert {record["accession"] for record in fetched.records} == {"GENOME", "ENCFF002AAA"}
    assert not list(cache.glob("ENCFF001AAA.bed*"))


def test_track_with_other_content_than_promised_is_left_out_and_the_rest_fetched(
    catalogue: Make, server: StandIn
) -> None:
    server.content["ENCFF001AAA"] = TAL1
    with pytest.warns(UserWarning, match="left out: .*has not the content the portal promises"):
        assert len(catalogue().fetch().tracks) == 1


def test_refused_genome_is_an_error_when_the_rest_is_fetched(
    catalogue: Make, server: StandIn, cache: Path
) -> None:
    server.records["GENOME"] |= {"assembly": "hg19"}
    with pytest.raises(ValueError, match="GENOME must have the assembly"):
        catalogue().fetch()
    assert len(list(cache.glob("*.bed.gz"))) == 2


def test_refusal_of_every_track_is_an_error(catalogue: Make, server: StandIn) -> None:
    server.records["ENCFF001AAA"] |= {"status": "revoked"}
    with pytest.raises(ValueError, match="ENCFF001AAA must have the status"):
        catalogue(settings={"tracks": SETTINGS["tracks"][:1]}).fetch()


@pytest.mark.parametrize(
    "accession",
    ["../../../../evil", "/etc/evil", "a/b", "..", ".x", "E/../x", "", "x" * 101],
)
def test_accession_that_is_a_path_is_refused(catalogue: Make, accession: str) -> None:
    tracks = [{"target": "GATA1", "biosample": "K562", "accession": accession}]
    with pytest.raises(ValueError, match="an accession is letters, digits"):
        catalogue(settings={"tracks": tracks}).fetch()


@pytest.mark.parametrize("hostile", ["../../../../evil", "ENCFF003AAA/../../x", "/evil", ""])
def test_hostile_search_answer_writes_nothing_outside_the_cache(
    catalogue: Make, server: StandIn, tmp_path: Path, hostile: str
) -> None:
    server.add("ENCFF003AAA", TAL1, target={"label": "SPI1"})
    server.records["ENCFF003AAA"] |= {"accession": hostile, "@id": f"/files/{hostile}"}
    with pytest.raises(LookupError, match=r"which is no accession|no file evil|no file x"):
        catalogue(targets=["SPI1"]).fetch()
    assert not list(tmp_path.rglob("*evil*"))


def test_targets_that_are_paths_are_refused(catalogue: Make) -> None:
    with pytest.raises(ValueError, match="an accession is letters, digits"):
        catalogue(targets=["ENCFF/../../../evil"]).fetch()


@pytest.mark.parametrize(
    "change",
    [
        {"href": "@evil.example/x"},
        {"href": "https://evil.example/x"},
        {"href": None},
        {"md5sum": "../../evil"},
        {"file_size": "many"},
        {"file_size": -1},
    ],
)
def test_record_with_impossible_values_is_refused(
    catalogue: Make, server: StandIn, change: dict[str, Any]
) -> None:
    server.records["ENCFF001AAA"] |= change
    with pytest.raises(LookupError, match="record of ENCFF001AAA is not usable"):
        catalogue(targets=NAMED).fetch()


def test_record_of_another_file_is_refused(catalogue: Make, server: StandIn) -> None:
    server.records["ENCFF001AAA"] |= {"accession": "ENCFF999ZZZ"}
    with pytest.raises(ValueError, match=r"must have the accession ENCFF001AAA, .* 'ENCFF999ZZZ'"):
        catalogue(targets=NAMED).fetch()


@pytest.mark.filterwarnings("default:no digest is pinned")
def test_digests_that_nobody_pinned_are_recorded_and_shown(catalogue: Make, cache: Path) -> None:
    pin = {"md5": hashlib.md5(GATA1).hexdigest()}
    tracks = [SETTINGS["tracks"][0] | pin, SETTINGS["tracks"][1]]
    shown = rf"no digest is pinned for GENOME .*ENCFF002AAA \(md5 {hashlib.md5(TAL1).hexdigest()}\)"
    with pytest.warns(UserWarning, match=shown) as said:
        fetched = catalogue(settings={"tracks": tracks}).fetch()
    assert not any("ENCFF001AAA" in str(one.message) for one in said)
    pinned = {record["accession"]: record["pinned"] for record in fetched.records}
    assert pinned == {"GENOME": False, "ENCFF001AAA": True, "ENCFF002AAA": False}
    assert all(len(record["sha256"]) == 64 for record in fetched.records)


def test_content_that_changed_in_the_cache_is_refused(catalogue: Make, cache: Path) -> None:
    catalogue().fetch()
    path = cache / "ENCFF001AAA.bed.gz"
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(ValueError, match=r"AAA\.bed\.gz has not the content of ENCFF001AAA"):
        catalogue().fetch()


def test_another_digest_than_the_first_time_is_refused(
    catalogue: Make, server: StandIn, cache: Path
) -> None:
    catalogue().fetch()
    (cache / "ENCFF001AAA.bed.gz").unlink()
    server.add("ENCFF001AAA", TAL1)
    with pytest.raises(ValueError, match=r"ENCFF001AAA had the md5 .* delete .*ENCFF001AAA\.json"):
        catalogue(targets=NAMED).fetch()


def test_answer_that_is_no_json_object_is_no_portal(catalogue: Make, server: StandIn) -> None:
    server.records["ENCFF001AAA"] = 5  # type: ignore[assignment]
    with pytest.raises(FileNotFoundError, match=r"did not answer with a JSON object|no connection"):
        catalogue(targets=NAMED).fetch()


def _start_download(url: str, path: Path, md5: str) -> subprocess.Popen[bytes]:
    code = (
        "import sys; from pathlib import Path; "
        "from deepmr.data.encode_portal.download import Download, fetch_all; "
        f"sys.exit(len(fetch_all([Download(url={url!r}, path=Path({str(path)!r}), md5={md5!r})])))"
    )
    return subprocess.Popen([sys.executable, "-c", code])


def test_two_processes_at_once_share_one_download(server: StandIn, tmp_path: Path) -> None:
    url = f"{server.address}/files/ENCFF001AAA/@@download/ENCFF001AAA.bed.gz"
    path, md5 = tmp_path / "ENCFF001AAA.bed.gz", hashlib.md5(GATA1).hexdigest()
    processes = [_start_download(url, path, md5) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    assert path.read_bytes() == GATA1
    assert server.asked["/content/ENCFF001AAA"] == 1


def test_kill_in_mid_download_leaves_nothing_corrupt_and_is_continued(
    server: StandIn, tmp_path: Path
) -> None:
    body = os.urandom(1 << 21)
    server.add("ENCFF008AAA", body)
    server.troubles["/content/ENCFF008AAA"] = ["slow"]
    url = f"{server.address}/files/ENCFF008AAA/@@download/ENCFF008AAA.bed.gz"
    path, md5 = tmp_path / "ENCFF008AAA.bed.gz", hashlib.md5(body).hexdigest()
    process = _start_download(url, path, md5)
    part = tmp_path / f".ENCFF008AAA.bed.gz.{md5[:8]}.part"
    deadline = time.monotonic() + 30
    while not (part.exists() and part.stat().st_size >= 1 << 19):
        assert time.monotonic() < deadline, "the download never began"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not path.exists()
    assert not fetch_all([Download(url=url, path=path, md5=md5)], pause=0.01)
    assert path.read_bytes() == body
    assert int(server.ranges[0].removeprefix("bytes=").rstrip("-")) >= 1 << 19


def test_pinned_tracks_are_well_formed() -> None:
    path = Path(__file__).resolve().parents[2] / "conf" / "data" / "encode.yaml"
    settings = OmegaConf.to_container(OmegaConf.load(path))["catalogue"]
    entries = [Entry(**entry) for entry in settings["tracks"]]
    assert len({entry.target for entry in entries}) == len(entries) == 11
    for entry in [*entries, Entry(**settings["exclude"], kind="exclude")]:
        assert re.fullmatch(r"ENCFF\d{3}[A-Z]{3}", entry.accession)
        assert entry.md5 is None or re.fullmatch(r"[0-9a-f]{32}", entry.md5)
    assert all(entry.output_types for entry in entries)
    assert Entry(**settings["genome"], kind="genome").file_name.endswith("5.15.fasta.gz")


def _train(server: StandIn, *overrides: str) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).resolve().parents[2]
    settings = [
        "data=encode",
        f"data.portal={server.address}",
        "data.retries=0",
        "data.catalogue.genome.accession=GENOME",
        "data.catalogue.exclude=null",
        "data.catalogue.tracks=[{target:GATA1,biosample:K562,accession:ENCFF001AAA}]",
    ]
    return subprocess.run(
        [sys.executable, str(root / "train.py"), *settings, *overrides],
        capture_output=True,
        text=True,
        cwd=root,
        check=False,
    )


def test_download_only_fetches_and_stops(server: StandIn, cache: Path) -> None:
    done = _train(server, "data.download_only=true")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [
        str(cache / "GENOME.fasta.gz"),
        str(cache / "ENCFF001AAA.bed.gz"),
    ]
    assert (cache / "ENCFF001AAA.bed.gz").read_bytes() == GATA1
