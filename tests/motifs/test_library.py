"""Reading motif libraries: what each format reads as, and what is refused."""

import gzip
import re
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from deepmr.motifs import Motif, MotifLibrary, jaspar, read_motifs

SAMPLES = Path(__file__).parent / "samples"
MEME = (SAMPLES / "meme_v4_full.meme").read_text()
JASPAR = (SAMPLES / "jaspar_2016.jaspar").read_text()
TRANSFAC = (SAMPLES / "transfac.transfac").read_text()


def expected() -> dict[str, np.ndarray]:
    """Return the probabilities of the two sample motifs, by name."""
    rows: dict[str, list[list[float]]] = {}
    for line in (SAMPLES / "expected_ppm.tsv").read_text().splitlines()[1:]:
        title, _, *values = line.split("\t")
        rows.setdefault(title.split()[1], []).append([float(value) for value in values])
    return {name: np.array(matrix) for name, matrix in rows.items()}


@pytest.mark.parametrize(
    ("file", "titles", "n_sites"),
    [
        ("meme_v4_full.meme", ["SYN0001.1 ALPHA", "SYN0002.1 BETA"], 100.0),
        ("meme_version5_header.meme", ["SYN0001.1 ALPHA", "SYN0002.1 BETA"], 100.0),
        ("meme_minimal_no_names_no_nsites.meme", ["SYN0001.1", "SYN0002.1"], None),
        ("meme_tabs_no_blank_lines.meme", ["SYN0001.1 ALPHA", "SYN0002.1 BETA"], 100.0),
        ("meme_nonuniform_background.meme", ["SYN0001.1 ALPHA", "SYN0002.1 BETA"], 100.0),
        ("jaspar_2016.jaspar", ["SYN0001.1 ALPHA", "SYN0002.1 BETA"], 100.0),
        ("jaspar_raw.pfm", ["SYN0001.1 ALPHA", "SYN0002.1 BETA"], 100.0),
        ("jaspar_sites_single.pfm", ["jaspar_sites_single"], 100.0),
        ("transfac.transfac", ["SYN0001.1 ALPHA", "SYN0002.1 BETA"], 100.0),
        ("hocomoco_pcm.txt", ["ALPHA.SYN.0.P.B", "BETA.SYN.0.P.B"], 100.0),
        ("homer.motif", ["ALPHA/synthetic", "BETA/synthetic"], None),
    ],
)
def test_every_format_reads_as_the_same_probabilities(
    file: str, titles: list[str], n_sites: float | None
) -> None:
    library = read_motifs(SAMPLES / file)
    assert list(library.titles) == titles
    for motif, truth in zip(library, expected().values(), strict=False):
        # Files print 2 to 6 decimals; the truth is printed with 4 and has 2.
        np.testing.assert_allclose(motif.probabilities, truth, rtol=0, atol=1e-6)
        assert motif.n_sites == n_sites


def test_full_output_of_meme_reads_its_probability_matrix() -> None:
    (motif,) = read_motifs(SAMPLES / "meme_full_output.meme")
    assert (motif.accession, motif.name, motif.n_sites) == ("KCGA", "MEME-1", 40.0)
    np.testing.assert_allclose(motif.probabilities, expected()["BETA"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(motif.background, [0.3, 0.2, 0.2, 0.3], rtol=1e-15)


def test_transfac_with_headings_letters_and_wide_spacing_is_read() -> None:
    (motif,) = read_motifs(SAMPLES / "transfac_professional.txt")
    assert motif.title == "M90001 BETA"
    np.testing.assert_allclose(motif.probabilities, expected()["BETA"], rtol=1e-15)


def test_background_of_a_meme_file_is_kept() -> None:
    library = read_motifs(SAMPLES / "meme_nonuniform_background.meme")
    np.testing.assert_allclose(library[1].background, [0.3, 0.2, 0.2, 0.3], rtol=1e-15)


@pytest.mark.parametrize("ending", ["\r\n", "\n"])
def test_compressed_files_and_windows_line_ends_read_the_same(tmp_path: Path, ending: str) -> None:
    path = tmp_path / "motifs.meme.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + MEME.replace("\n", ending).encode()))
    assert read_motifs(path).titles == ("SYN0001.1 ALPHA", "SYN0002.1 BETA")


@pytest.mark.parametrize(
    ("old", "new"), [("[", ""), ("[", "|"), ("  [", "["), ("A  [", "A:"), (">", "> ")]
)
def test_spellings_of_jaspars_lines_read_the_same(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "m.jaspar"
    path.write_text(JASPAR.replace(old, new).replace("]", "" if old == "[" else "]"))
    for motif, truth in zip(read_motifs(path), expected().values(), strict=True):
        np.testing.assert_allclose(motif.probabilities, truth, rtol=1e-15)


def test_custom_dna_alphabet_block_is_read(tmp_path: Path) -> None:
    block = (
        'ALPHABET "DNA" DNA-LIKE\nA "Adenine" CC0000 ~ T "Thymine" 008000\n'
        'C "Cytosine" 0000CC ~ G "Guanine" FFB300\nN "Any base" = ACGT\nEND ALPHABET\n'
    )
    path = tmp_path / "m.meme"
    path.write_text(MEME.replace("ALPHABET= ACGT\n", block))
    assert len(read_motifs(path)) == 2
    path.write_text(MEME.replace("ALPHABET= ACGT\n", block.replace("END", "m 5mC\nEND")))
    with pytest.raises(ValueError, match=r"m.meme:3: the alphabet must be ACGT, got ACGTm"):
        read_motifs(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            MEME.replace("0.900000", "0.700000"),
            "m:13: motif ALPHA: probabilities must sum to 1, got 0.8",
        ),
        (
            MEME.replace(" 0.900000", "-0.900000"),
            "m:13: motif ALPHA: probabilities must not be neg",
        ),
        (MEME.replace("0.900000", "nan"), "m:13: numbers must be finite, got nan"),
        (MEME.replace("0.900000", "0,9"), "m:13: expected numbers, got '0,9'"),
        (MEME.replace("  0.040000  0.040000", ""), "m:13: motif ALPHA: a position has 4 prob"),
        (MEME.replace("w= 6", "w= 7"), "m:11: motif SYN0001.1 ALPHA: expected 7 rows of prob"),
        (MEME.replace("alength= 4", "alength= 20"), "m:11: motif SYN0001.1 ALPHA: alength must be"),
        (
            MEME.replace("ALPHABET= ACGT", "ALPHABET= ACGU"),
            "m:3: the alphabet must be ACGT, got ACGU; only DNA",
        ),
        (MEME.replace("ALPHABET= ACGT", "ALPHABET= ACDEFGHIKLMNPQRSTVWY"), "only DNA can be read"),
        (MEME.replace("ALPHABET= ACGT", "ALPHABET= acgt"), "got acgt; write ALPHABET= ACGT"),
        (MEME.replace("A 0.25 C", "A 0.55 C"), "m:8: background frequencies must be positive and"),
        (MEME.replace("A 0.25 C", "a 0.25 C"), "m:8: the background must read A p C p G p T p"),
        (
            MEME.replace("SYN0002.1 BETA", "SYN0001.1 ALPHA"),
            "m:21: motif SYN0001.1 ALPHA occurs twice (first in line 11)",
        ),
        (
            MEME.split("letter-probability")[0],
            "m:10: motif SYN0001.1 ALPHA has no letter-probability matrix",
        ),
        (MEME.split("MOTIF")[0], "needs a line that begins with MOTIF, found none"),
        (JASPAR.replace("   90     5 ", "  -90     5 ", 1), "counts must not be negative, got -90"),
        (
            JASPAR.replace("    10 ]", "]", 1),
            "the 4 lines of a matrix must be equally long, got [5, 6,",
        ),
        (
            JASPAR.replace("C  [     1", "c  [     1", 1),
            "m:3: motif SYN0001.1 ALPHA: the lines of a matrix begin with A",
        ),
        (
            JASPAR.replace("T  [     2", "U  [     2", 1),
            "m:5: motif SYN0001.1 ALPHA: the lines of a matrix begin with A",
        ),
        (JASPAR.rsplit("T", 2)[0].rsplit("T", 1)[0] + "\n", "got 3; was the file cut short?"),
        (
            JASPAR.rstrip().removesuffix("]"),
            "m:10: motif SYN0002.1 BETA: the line has no closing ]",
        ),
        (
            JASPAR.replace("SYN0002.1\tBETA", "SYN0001.1\tALPHA"),
            "motif SYN0001.1 ALPHA occurs more than once",
        ),
        (JASPAR + ">SYN3 EMPTY\n", "m:11: motif SYN3 EMPTY has no matrix; was the file cut short?"),
        (
            TRANSFAC.replace("PO\tA\tC", "PO\ta\tc", 1),
            "m:6: the matrix's columns must be A C G T, got a c G T",
        ),
        (TRANSFAC.replace("03\t", "04\t", 1), "m:9: expected position 3 of the matrix, got 04"),
        (TRANSFAC.rstrip().removesuffix("//"), "m:22: the matrix is not closed by a line //"),
        (TRANSFAC.replace("\t90.0\t", "\t-90.0\t"), "counts must not be negative, got -90"),
        (
            TRANSFAC.replace("90.0\t4.0\t4.0\t2.0", "0\t0\t0\t0"),
            "m:8: motif ALPHA: a position has no counts",
        ),
        ("", "m is empty; a motif file holds at least one matrix"),
        (
            "chr1\t1\t2\n",
            "m:1: expected a motif file in MEME (first line 'MEME version 4'), JASPAR",
        ),
        ("# only\n# comments\n", "m:1: expected a motif file in MEME"),
        (
            ">X\n1 2 3 4\n4 3 2 1\n9 9 9 9\n1 1 2 2\n",
            "all matrices are 4 by 4, so lines may be bases or pos",
        ),
        (">X\n1 2 3\n4 3 2\n", "a matrix has 4 lines (one a base) or 4 numbers on each line"),
    ],
)
def test_broken_files_are_refused_in_one_line_that_names_file_and_line(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "m"
    path.write_text(text)
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        read_motifs(path)
    said = str(caught.value)
    assert said.startswith(str(path))
    assert "\n" not in said


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("meme_rna_alphabet_refuse.meme", ":3: the alphabet must be ACGT, got ACGU"),
        ("meme_logodds_only_refuse.meme", ":5: motif SYN0009.1 GAMMA has a log-odds matrix only"),
        ("hocomoco_pwm_logodds.txt", ":2: motif ALPHA.SYN.0.P.B: counts must not be negative"),
    ],
)
def test_samples_that_hold_no_dna_probabilities_are_refused(file: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(file + message)):
        read_motifs(SAMPLES / file)


def test_missing_damaged_and_binary_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"motif file .*nowhere.meme does not exist"):
        read_motifs(tmp_path / "nowhere.meme")
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(MEME.encode())[:-20])
    with pytest.raises(ValueError, match=r"cut.gz is a damaged gzip file"):
        read_motifs(path)
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(ValueError, match=r"cut.gz is not a text file"):
        read_motifs(path)


@pytest.mark.parametrize("file", sorted(path.name for path in SAMPLES.iterdir()))
def test_files_cut_anywhere_are_read_or_refused_but_never_crash(tmp_path: Path, file: str) -> None:
    text = (SAMPLES / file).read_text()
    path = tmp_path / "cut"
    for length in range(1, len(text), 7):
        path.write_text(text[:length])
        said = ""
        try:
            read_motifs(path)
        except ValueError as error:
            said = str(error)
        assert not said or (said.startswith(str(path)) and "\n" not in said), said


def library() -> MotifLibrary:
    rows = np.full((2, 4), 0.25)
    names = [
        ("MA0035.4", "GATA1"),
        ("MA0037.3", "GATA3"),
        ("MA0140.2", "GATA1::TAL1"),
        ("", "TAL1_disc1"),
        ("", "SOX2_known1"),
        ("", "SOX2_known2"),
    ]
    return MotifLibrary(
        motifs=tuple(Motif(name=n, accession=a, probabilities=rows) for a, n in names)
    )


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("GATA1", "MA0035.4 GATA1"),
        ("gata3", "MA0037.3 GATA3"),
        ("MA0140", "MA0140.2 GATA1::TAL1"),
        ("MA0035.4 GATA1", "MA0035.4 GATA1"),
        ("TAL1", "TAL1_disc1"),
    ],
)
def test_motifs_are_found_by_title_accession_name_or_target(query: str, title: str) -> None:
    assert library().select(query).title == title


def test_an_unknown_name_lists_the_nearest_ones() -> None:
    with pytest.raises(LookupError, match="is called 'GATA2'; did you mean: GATA"):
        library().select("GATA2")
    with pytest.raises(LookupError, match=r"is called 'XYZQ'; known are: MA0035.4 GATA1, "):
        library().select("XYZQ")


def test_a_name_of_several_motifs_lists_them_all() -> None:
    with pytest.raises(LookupError, match=r"'SOX2' names 2 motifs.*: SOX2_known1, SOX2_known2"):
        library().select("SOX2")


def test_a_subset_keeps_the_order_of_the_queries() -> None:
    assert library().subset(["TAL1", "GATA1"]).titles == ("TAL1_disc1", "MA0035.4 GATA1")
    with pytest.raises(ValueError, match="TAL1_disc1 occurs more than once"):
        library().subset(["TAL1", "TAL1_disc1"])


def test_an_empty_library_is_refused() -> None:
    with pytest.raises(ValueError, match="a motif library needs at least one motif, got none"):
        MotifLibrary(motifs=())


def test_jaspar_without_its_package_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyjaspar", None)
    with pytest.raises(ModuleNotFoundError, match=r"run pip install 'deepmr\[jaspar\]'"):
        jaspar()


def test_jaspar_records_become_motifs(monkeypatch: pytest.MonkeyPatch) -> None:
    record = types.SimpleNamespace(
        name="GATA1",
        matrix_id="MA0035.4",
        counts={"A": [90, 0], "C": [4, 50], "G": [4, 50], "T": [2, 100]},
    )

    class Database:
        def __init__(self, release: str = "JASPAR2026") -> None:
            self.release = release

        def get_releases(self) -> list[str]:
            return ["JASPAR2026", "JASPAR2024"]

        def fetch_motifs(
            self, collection: str, tax_group: list[str], tf_name: list[str] | None
        ) -> list[object]:
            assert tax_group == ["vertebrates"]
            return [record] if collection == "CORE" else []

    monkeypatch.setitem(sys.modules, "pyjaspar", types.SimpleNamespace(jaspardb=Database))
    found = jaspar(release="JASPAR2024")
    assert (found.source, found.titles) == ("JASPAR2024 CORE, vertebrates", ("MA0035.4 GATA1",))
    np.testing.assert_allclose(
        found[0].probabilities, [[0.9, 0.04, 0.04, 0.02], [0, 0.25, 0.25, 0.5]], rtol=1e-15
    )
    assert found[0].n_sites == 150.0
    with pytest.raises(LookupError, match="no JASPAR release is called 'JASPAR1'; known are: JAS"):
        jaspar(release="JASPAR1")
    with pytest.raises(LookupError, match="no matrix fits; check collection, tax_group and names"):
        jaspar("CNE")


def test_the_installed_jaspar_database_is_read() -> None:
    pytest.importorskip("pyjaspar")
    found = jaspar(names=["GATA1", "TAL1::TCF3"])
    assert {motif.target for motif in found} == {"GATA1", "TAL1::TCF3"}
