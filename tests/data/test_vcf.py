import gzip

import pytest

from deepmr.data.vcf import ListedAllele, left_aligned, read_vcf

HEADER = "##fileformat=VCFv4.2\n##contig=<ID=chr1>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\n"


def write(path, *records, header=HEADER):
    path.write_text(header + "".join(f"{record}\n" for record in records))
    return path


def read(path, chrom=("chr1",), start=(100,), length=50):
    return read_vcf(path, chrom, start, length=length)


def test_positions_count_from_zero_and_several_alternatives_are_split(tmp_path):
    path = write(tmp_path / "a.vcf", "chr1\t101\trs1\ta\tC,G\t.", "chr1\t120\t.\tCAT\tCGT\t.")
    found = read(path)
    assert found.listed == 3
    (window,) = found.windows
    assert [(one.position, one.ref, one.alt, one.name) for one in window] == [
        (100, "A", "C", "rs1"),
        (100, "A", "G", "rs1"),
        (119, "CAT", "CGT", ""),
    ]
    assert window[2].trimmed() == (120, "A", "G")
    assert window[0].line == 4


@pytest.mark.parametrize(
    ("ref", "alt", "trimmed"),
    [
        ("A", "G", (9, "A", "G")),
        ("CAT", "C", (9, "CAT", "C")),
        ("CAT", "CT", (9, "CA", "C")),
        ("C", "CAT", (9, "C", "CAT")),
        ("AT", "GC", (9, "AT", "GC")),
        ("AAT", "GAC", (9, "AAT", "GAC")),
        ("TAA", "TCA", (10, "A", "C")),
    ],
)
def test_shared_bases_are_trimmed_right_first_and_never_to_nothing(ref, alt, trimmed):
    assert ListedAllele(position=9, name="", ref=ref, alt=alt, line=1).trimmed() == trimmed


def test_what_is_left_out_is_counted(tmp_path):
    path = write(
        tmp_path / "a.vcf",
        "chr1\t110\t.\tA\t<DEL>,*,.,N[chr2:7[,R,C\t.",  # one with letters, five without
        "chr1\t110\tagain\tA\tC\t.",
        "chr1\t109\tpadded\tGA\tGC\t.",  # the same substitution again
        "chr1\t100\t.\tA\tC\t.",  # a base before the window
        "chr1\t151\t.\tA\tC\t.",  # a base behind it
        "chr1\t150\t.\tAC\tA\t.",  # reaches out of it
        "chr2\t110\t.\tA\tC\t.",
    )
    found = read(path)
    counts = (found.listed, found.unspelled, found.repeated, found.outside)
    assert counts == (12, 5, 2, 4)
    assert [one.position for one in found.windows[0]] == [109]


def test_windows_hold_their_edges_and_may_overlap(tmp_path):
    path = write(tmp_path / "a.vcf", "chr1\t101\t.\tA\tC\t.", "chr1\t150\t.\tA\tC\t.",
                 "chr1\t130\t.\tA\tC\t.")  # fmt: skip
    found = read(path, ("chr1", "chr2", "chr1"), (120, 100, 100))
    assert [[one.position for one in window] for window in found.windows] == [
        [129, 149],
        [],
        [100, 129, 149],
    ]
    assert found.outside == 0


@pytest.mark.parametrize("suffix", [".vcf.gz", ".vcf.bgz", ".vcf"])
def test_packed_files_are_read_whatever_they_are_called(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    # two gzip members one after the other, as bgzip writes them
    path.write_bytes(gzip.compress(HEADER.encode()) + gzip.compress(b"chr1\t101\trs1\tA\tC\t.\n"))
    assert read(path).windows[0][0].name == "rs1"


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ("chr1 101 . A C", "line 4: a record has CHROM, POS, ID, REF and ALT, .* got 1 column$"),
        ("chr1\t101\t.\tA", "got 4 columns"),
        ("chr1\t1e3\t.\tA\tC", "line 4: POS is a whole number, got '1e3'"),
        ("chr1\t-7\t.\tA\tC", "POS is a whole number, got '-7'"),
        ("chr1\t101\t.\tA\ta", "differs from the reference, got A for both"),
        (
            "1\t101\t.\tA\tC",
            "spell contigs differently: it names 1, the loci lie on chr1; set",
        ),
        ("chrX\t101\t.\tA\tC", "no contig in common: it names chrX, the loci lie on chr1"),
        ("chr1\t901\t.\tA\tC", "none of the 1 alleles of .* lies in one of the loci"),
    ],
)
def test_wrong_records_are_named(tmp_path, record, says):
    with pytest.raises(ValueError, match=says):
        read(write(tmp_path / "a.vcf", record))


def test_files_that_are_no_vcf_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        read(tmp_path / "none.vcf")
    bed = write(tmp_path / "a.bed", "chr1\t100\t101", header="")
    with pytest.raises(ValueError, match=r"line 1: a VCF has the line #CHROM .* is this a VCF"):
        read(bed)
    with pytest.raises(ValueError, match="lists no variant"):
        read(write(tmp_path / "empty.vcf"))
    (tmp_path / "a.vcf.gz").write_text(HEADER)
    with pytest.raises(ValueError, match=r"called \.gz but is not gzip"):
        read(tmp_path / "a.vcf.gz")
    (tmp_path / "cut.vcf.gz").write_bytes(gzip.compress(HEADER.encode() * 50)[:-9])
    with pytest.raises(ValueError, match="cut short or corrupt"):
        read(tmp_path / "cut.vcf.gz")
    (tmp_path / "a.bcf").write_bytes(b"BCF\x02\x02\xff\xfe\x80")
    with pytest.raises(ValueError, match=r"not a text file .* bcftools view"):
        read(tmp_path / "a.bcf")


def mutated(bases, first, allele):
    place = allele[0] - first
    assert bases[place : place + len(allele[1])] == allele[1]
    return bases[:place] + allele[2] + bases[place + len(allele[1]) :]


def test_alleles_that_give_one_sequence_have_one_leftmost_form():
    # Every insertion and deletion of up to three bases in a window with repeats, by brute force.
    bases, first = "ACCATATATGGGA", 50
    forms = {}
    for start in range(len(bases)):
        for n in range(1, 4):
            listed = [(bases[start : start + n + 1], bases[start])]
            inserted = {"A", "G", "AT", "TA", "CCA"}
            listed += [(bases[start], bases[start] + more) for more in inserted]
            for ref, alt in listed:
                if len(ref) == len(alt):
                    continue
                one = ListedAllele(position=first + start, name="", ref=ref, alt=alt, line=1)
                form = left_aligned(one, bases, first)
                changed = mutated(bases, first, (one.position, ref, alt))
                assert mutated(bases, first, form) == changed
                assert form[0] <= one.position
                forms.setdefault(changed, set()).add(form)
    assert max(map(len, forms.values())) == 1
    assert len(forms) > 50


def test_contigs_of_the_other_spelling_can_be_matched(tmp_path):
    path = write(tmp_path / "a.vcf", "1\t101\t.\tA\tC", "MT\t101\t.\tA\tC")
    found = read_vcf(path, ("chr1", "chrM"), (100, 100), length=50, contig_names="chr")
    assert [len(window) for window in found.windows] == [1, 1]


def test_byte_order_mark_and_carriage_returns_are_no_content(tmp_path):
    path = tmp_path / "a.vcf"
    text = HEADER + "chr1\t101\t.\tA\tC\n"
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert read(path).windows[0][0].alt == "C"


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ("chr1\t1_0\t.\tA\tC", "line 4: POS is a whole number, got '1_0'"),
        ("chr1\t+101\t.\tA\tC", "POS is a whole number"),
        ("chr1\t\u0661\t.\tA\tC", "POS is a whole number"),
        ("chr1\t101\t.\t\tC", "REF is one or more of A, C, G, T and N, got ''"),
        ("chr1\t101\t.\tA1\tC", "REF is one or more"),
        ("chr1\t101\t.\tA\tC,,G", "ALT is bases, .* got ''"),
        ("chr1\t101\t.\tA\tC;G", "ALT is bases, .* got 'C;G'"),
        (" \t101\t.\tA\tC", "CHROM is the name of a contig"),
    ],
)
def test_damaged_records_are_refused_with_their_line(tmp_path, record, says):
    with pytest.raises(ValueError, match=says):
        read(write(tmp_path / "a.vcf", record))
