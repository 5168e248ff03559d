"""Damage input files at random and see what the readers do with them.

    python -m benchmarks.fuzz                                  # 500 files of each format
    python -m benchmarks.fuzz --files 50 --seed 7 --json fuzz.json

A damaged file may be refused (ValueError, OSError or LookupError with the file's name in it); or be
read as if nothing had happened, where nothing that is read was damaged; or be another valid file,
where its format has no check sum. Everything else is a fault: a traceback, a message without the
file's name, or content that is damaged as an independent reading of the format's rules can tell,
and accepted.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyBigWig
from Bio import bgzf

from deepmr.data.bigwig import BigWig
from deepmr.data.fasta import read_fasta
from deepmr.data.peaks import read_peaks
from deepmr.data.tracks import read_tracks
from deepmr.data.vcf import read_vcf

SIZES = {"chr1": 3000, "chr2": 900}
TOKENS = (
    b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\n", b"\n\n", b"\t", b" ", b"-", b"_", b"1_0",
    b"+", b"+5", b"1e9", b"nan", b"inf", b"9" * 25, "\u2028".encode(), "\u0661".encode(), b">",
    b"#", b"\x1a", b",", b"<html>", b"chr", b"E", b"U",
)  # fmt: skip
SLOW = 10.0  # seconds for a file of a few kilobytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A file format under test.

    Args:
        name: Name of the file, whose suffix decides how it is read.
        content: The undamaged content.
        read: Reads a file and returns something that can be compared.
        is_valid: Tells by the format's rules, in other words than the reader's, whether content
            of the file, unpacked, is valid; None where the format has a check sum, so that
            whatever is accepted must be what it was.
    """

    name: str
    content: bytes
    read: Callable[[Path], Any]
    is_valid: Callable[[bytes], bool] | None


def damage(content: bytes, rng: np.random.Generator) -> bytes:
    """Return content with one random change, or now and then two or three."""
    result = bytearray(content)
    for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
        place = int(rng.integers(len(result) + 1))
        size = int(rng.integers(1, 40))
        kind = int(rng.integers(11))
        if kind == 0 and result:
            result[min(place, len(result) - 1)] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            result[place : place + size] = rng.bytes(size)
        elif kind == 2:
            del result[place : place + size]
        elif kind == 3:
            result[place:place] = result[place : place + size]
        elif kind == 4:
            result[place : place + size] = bytes(len(result[place : place + size]))
        elif kind == 5:
            del result[place:]
        elif kind == 6:
            result[place:place] = TOKENS[int(rng.integers(len(TOKENS)))]
        elif kind == 7:
            result[place : place + 1] = bytes([int(rng.integers(32, 127))])
        elif kind in {8, 9}:  # leave a line out, or write it twice
            lines = bytes(result).splitlines(keepends=True) or [b""]
            line = int(rng.integers(len(lines)))
            lines[line : line + 1] = [] if kind == 8 else [lines[line]] * 2
            result = bytearray(b"".join(lines))
        else:
            token = TOKENS[int(rng.integers(len(TOKENS)))]
            result[place : place + len(token)] = token
    return bytes(result)


def outcome(one: Format, folder: Path, content: bytes, expected: Any) -> tuple[str, str]:
    """Read damaged content; return what happened, in a word, and the message or the fault."""
    path = folder / one.name
    path.write_bytes(content)
    began = time.perf_counter()
    try:
        found = one.read(path)
    except (ValueError, OSError, LookupError) as error:
        named = one.name in str(error)
        word = "refused" if named else "FAULT: message without the file's name"
        return word, f"{type(error).__name__}: {error}"
    except Exception as error:  # noqa: BLE001 - every other exception is a fault to be reported
        return "FAULT: traceback", f"{type(error).__name__}: {error}"
    if time.perf_counter() - began > SLOW:
        return "FAULT: slow", f"{time.perf_counter() - began:.0f} s"
    if found == expected:
        return "unchanged", ""
    if one.is_valid is None:
        return "FAULT: damaged content accepted", str(found)[:300]
    if one.is_valid(content):
        return "another valid file", ""
    return "FAULT: damaged content accepted", str(content)[:300]


def formats(folder: Path) -> tuple[Format, ...]:
    """Return the formats under test; what files refer to is written to a folder."""
    (folder / "A.bed").write_text("chr1\t1\t5\n")
    fasta, bed, narrow, vcf = _fasta(), _bed(), _narrow(), _vcf()
    return (
        Format(name="g.fa", content=fasta, read=_read_fasta, is_valid=_is_fasta),
        Format(name="g.fa.gz", content=gzip.compress(fasta), read=_read_fasta, is_valid=None),
        Format(name="b.fa.gz", content=_bgzip(folder, fasta), read=_read_fasta, is_valid=None),
        Format(name="p.bed", content=bed, read=_read_peaks, is_valid=_is_bed),
        Format(name="p.bed.gz", content=_bgzip(folder, bed), read=_read_peaks, is_valid=None),
        Format(name="p.narrowPeak", content=narrow, read=_read_peaks, is_valid=_is_bed),
        Format(name="s.bw", content=_bigwig(folder), read=_read_bigwig, is_valid=None),
        Format(name="v.vcf", content=vcf, read=_read_vcf, is_valid=_is_vcf),
        Format(name="v.vcf.gz", content=_bgzip(folder, vcf), read=_read_vcf, is_valid=None),
        Format(name="tracks.tsv", content=_tracks(), read=_read_tracks, is_valid=_is_tracks),
    )


def run(files: int, seed: int = 0, progress: bool = False) -> dict[str, Any]:
    """Damage files of every format.

    Args:
        files: Number of damaged files of each format.
        seed: Decides the damage.
        progress: Print a line a format.

    Returns:
        ``counts`` of outcomes for each format, and the first ``faults`` with the seed of each.
    """
    counts: dict[str, dict[str, int]] = {}
    faults: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for place, one in enumerate(formats(folder)):
            (folder / one.name).write_bytes(one.content)
            expected = one.read(folder / one.name)
            tally: Counter[str] = Counter()
            for number in range(files):
                content = damage(one.content, np.random.default_rng([seed, place, number]))
                word, message = outcome(one, folder, content, expected)
                tally[word] += 1
                if word.startswith("FAULT") and len(faults) < 20:
                    case = {"format": one.name, "seed": [seed, place, number]}
                    faults.append(case | {"fault": word, "message": message})
            (folder / one.name).unlink()
            counts[one.name] = dict(tally)
            if progress:
                print(f"{one.name:14s}", dict(tally))
    return {"files": files * len(counts), "counts": counts, "faults": faults}


def _fasta() -> bytes:
    rng = np.random.default_rng(0)
    texts = []
    for name, size in SIZES.items():
        bases = "".join(rng.choice(list("ACGTacgtN"), size))
        rows = (bases[at : at + 60] for at in range(0, size, 60))
        texts.append(f">{name} described\n" + "".join(f"{row}\n" for row in rows))
    return "".join(texts).encode()


def _bed() -> bytes:
    rows = [f"chr1\t{at}\t{at + 40}\tp{at}\t0\t+" for at in range(0, 2900, 60)]
    return "\n".join(["# peaks", *rows, "chr2\t5\t90", ""]).encode()


def _narrow() -> bytes:
    rest = ".\t0\t.\t5.5\t3.1\t2.0"
    rows = [f"chr1\t{at}\t{at + 40}\t{rest}\t{at % 40}" for at in range(0, 2900, 60)]
    return "\n".join([*rows, ""]).encode()


def _vcf() -> bytes:
    head = "##fileformat=VCFv4.2\n##contig=<ID=chr1>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\n"
    rows = [f"chr1\t{at}\trs{at}\tA\t{'CG'[at % 2]},T\t." for at in range(101, 400, 7)]
    return (head + "\n".join([*rows, "chr1\t120\t.\tACG\tA\t.", ""])).encode()


def _tracks() -> bytes:
    rows = [f"T{k}\tGATA1\tA.bed\tbinary\tchr1,chr2" for k in range(12)]
    return "\n".join(["task\ttarget\tfile\tkind\tcovers", *rows, ""]).encode()


def _bgzip(folder: Path, content: bytes) -> bytes:
    path = folder / "packed.gz"
    with bgzf.BgzfWriter(str(path)) as stream:
        for at in range(0, len(content), 700):  # several blocks
            stream.write(content[at : at + 700])
            stream.flush()
    packed = path.read_bytes()
    path.unlink()
    return packed


def _bigwig(folder: Path) -> bytes:
    path = folder / "made.bw"
    rng = np.random.default_rng(0)
    with pyBigWig.open(str(path), "w") as track:
        track.addHeader(list(SIZES.items()))
        for name, size in SIZES.items():
            start = np.arange(0, size - 20, 25)
            end = start + rng.integers(1, 26, start.size)
            value = rng.gamma(2.0, size=start.size).tolist()
            track.addEntries([name] * start.size, start.tolist(), ends=end.tolist(), values=value)
    content = path.read_bytes()
    path.unlink()
    return content


def _read_fasta(path: Path) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for name, codes in read_fasta(path, 512):
        found[name] = found.get(name, b"") + codes.tobytes()
    return found


def _read_peaks(path: Path) -> list[Any]:
    peaks = read_peaks(path, SIZES)
    columns = (peaks.contig, peaks.start, peaks.end, peaks.summit)
    return [column.tolist() for column in columns]


def _read_bigwig(path: Path) -> list[bytes]:
    track = BigWig(path)
    track.check()
    if track.contigs != SIZES:
        # Nothing in the file vouches for them; they are compared with the genome's.
        raise ValueError(f"{path}: its contigs are not the genome's")
    return [track.values(name, 0, size).tobytes() for name, size in SIZES.items()]


def _read_vcf(path: Path) -> list[Any]:
    found = read_vcf(path, ["chr1"], [100], length=250)
    alleles = [(one.position, one.ref, one.alt, one.name) for one in found.windows[0]]
    return [alleles, found.listed, found.unspelled, found.outside, found.repeated]


def _read_tracks(path: Path) -> list[Any]:
    return [(track.task, track.file, track.covers) for track in read_tracks(path)]


def _rows(content: bytes) -> list[str]:
    return re.split(r"\r\n|\r|\n", content.decode("utf-8-sig"))


def _is_fasta(content: bytes) -> bool:
    content = content.removeprefix(b"\xef\xbb\xbf")
    names: list[bytes] = []
    bases = 0
    for line in content.split(b"\n"):
        header = re.fullmatch(rb">(\S+)([^\n]*)", line)
        if header:
            if header[1] in names or (names and not bases):
                return False
            names.append(header[1])
            bases = 0
        elif re.fullmatch(rb"[ACGTNRYSWKMBDHVXacgtnryswkmbdhvx \t\r]*", line):
            bases += len(re.sub(rb"\s", b"", line))
            if bases and not names:
                return False
        else:
            return False
    return bool(names) and bases > 0


def _is_bed(content: bytes) -> bool:
    found = 0
    for line in _rows(content):
        if not line.strip() or re.match(r"#|track\b|browser\b", line):
            continue
        if "\0" in line:
            return False
        fields = line.split("\t") if "\t" in line else line.split()
        if len(fields) < 3 or not all(re.fullmatch("[0-9]+", text) for text in fields[1:3]):
            return False
        start, end = int(fields[1]), int(fields[2])
        if fields[0] not in SIZES or not start < end or start >= SIZES[fields[0]]:
            return False
        summit = fields[9] if len(fields) == 10 else "-1"
        if not re.fullmatch("-1|[0-9]+", summit) or int(summit) > end - start:
            return False
        found += 1
    return found > 0


def _is_vcf(content: bytes) -> bool:
    letters = "[ACGTNRYSWKMBDHV]+"
    symbol = r"\*|\.|<[^<>]+>|\S*[\[\]]\S+[\[\]]\S*|\.[A-Z]+|[A-Z]+\."
    record = re.compile(
        rf"[^\t]*[^\t\s][^\t]*\t[0-9]+\t[^\t]*\t{letters}\t"
        rf"(?:{letters}|{symbol})(?:,(?:{letters}|{symbol}))*(?:\t.*)?",
        re.IGNORECASE,
    )
    head = False
    for line in _rows(content):
        if "\0" in line:
            return False
        if line.startswith("#CHROM"):
            head = True
        elif line.strip() and not line.startswith("#") and not (head and record.fullmatch(line)):
            return False
    return head


def _is_tracks(content: bytes) -> bool:
    rows = [line.split("\t") for line in _rows(content)]
    known = {"task", "target", "file", "kind", "covers", "assay", "biosample"}
    header = [name.strip() for name in rows[0]]
    body = [row for row in rows[1:] if "".join(row).strip() and not row[0].startswith("#")]
    tasks = [dict(zip(header, map(str.strip, row), strict=False)).get("task") for row in body]
    return (
        {"task", "target", "file"} <= set(header) <= known
        and len(set(header)) == len(header)
        and all(len(row) == len(header) for row in body)
        and len(set(tasks)) == len(tasks) > 0
        and b"\0" not in content
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Damage files, print the counts and write JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--files", type=int, default=500, help="damaged files of each format")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    found = run(options.files, options.seed, progress=True)
    print(f"{found['files']} files, {len(found['faults'])} faults shown")
    for fault in found["faults"]:
        print(fault)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
