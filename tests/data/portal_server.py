"""A stand-in for the ENCODE portal on the loopback interface, and its misbehaviours."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class StandIn:
    """Serves records, searches and files; ``troubles`` holds what goes wrong with a path.

    A trouble is a list of answers to give first, one a request: a status code, ``cut`` (the body
    ends half-way) or ``slow`` (a piece, then a long wait).
    """

    def __init__(self) -> None:
        self.records: dict[str, dict[str, Any]] = {}
        self.content: dict[str, bytes] = {}
        self.linked: dict[str, dict[str, Any]] = {}  # objects that records name by their path
        self.troubles: dict[str, list[Any]] = {}
        self.asked: Counter[str] = Counter()
        self.ranges: list[str] = []
        self.queries: list[dict[str, list[str]]] = []
        self.lock = threading.Lock()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def add(self, accession: str, content: bytes, **record: Any) -> dict[str, Any]:
        suffix = record.pop("suffix", ".bed.gz")
        self.content[accession] = content
        self.records[accession] = {
            "@id": f"/files/{accession}/",
            "@type": ["File", "Item"],
            "title": accession,
            "accession": accession,
            "href": f"/files/{accession}/@@download/{accession}{suffix}",
            "md5sum": hashlib.md5(content).hexdigest(),
            "file_size": len(content),
            "assembly": "GRCh38",
            "output_type": "IDR thresholded peaks",
            "status": "released",
            "dataset": "/experiments/ENCSR000AAA/",
            "assay_title": "TF ChIP-seq",
            "target": {"label": "GATA1"},
            "biosample_ontology": {"term_name": "K562"},
            "date_created": "2020-01-01T00:00:00",
            "preferred_default": True,
            "file_format": "bed",
        } | record
        return self.records[accession]

    def trouble(self, path: str) -> Any:
        with self.lock:
            self.asked[path] += 1
            waiting = self.troubles.get(path, [])
            return waiting.pop(0) if waiting else None

    def term(self, biosample: Any) -> str:
        linked = self.linked.get(biosample) if isinstance(biosample, str) else biosample
        return linked["term_name"]

    def found(self, query: dict[str, list[str]]) -> list[dict[str, Any]]:
        self.queries.append(query)

        def fits(record: dict[str, Any]) -> bool:
            flat = record | {
                "target.label": record["target"] and record["target"]["label"],
                "biosample_ontology.term_name": self.term(record["biosample_ontology"]),
                "preferred_default": str(record["preferred_default"]).lower(),
            }
            return all(
                flat[key] in values
                for key, values in query.items()
                if key not in {"type", "format", "limit"}
            )

        found = [record for record in self.records.values() if fits(record)]
        return [{name: one[name] for name in COLUMNS} for one in found]


# What the real portal's search says of a file without frame=object: no digest, no content's place.
COLUMNS = (
    "@id", "@type", "accession", "title", "assembly", "dataset", "file_format", "output_type",
    "status",
)  # fmt: skip


def _handler(stand_in: StandIn) -> type[BaseHTTPRequestHandler]:
    return type("Handler", (_Handler,), {"stand_in": stand_in})


class _Handler(BaseHTTPRequestHandler):
    stand_in: StandIn

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        place = urlsplit(self.path)
        trouble = self.stand_in.trouble(place.path)
        accession = [*place.path.split("/"), ""][2]
        if isinstance(trouble, int):
            self._send(trouble, b"trouble")
        elif place.path == "/search/":
            found = self.stand_in.found(parse_qs(place.query))
            self._json(200 if found else 404, {"@graph": found})
        elif place.path.startswith("/content/"):
            self._content(self.stand_in.content[accession], trouble)
        elif "@@download" in place.path:
            self.send_response(307)
            self.send_header("Location", f"{self.stand_in.address}/content/{accession}")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif place.path in self.stand_in.linked:
            self._json(200, self.stand_in.linked[place.path])
        elif accession in self.stand_in.records:
            self._json(200, self.stand_in.records[accession])
        else:
            self._json(404, {"status": "error"})

    def _json(self, status: int, value: Any) -> None:
        self._send(status, json.dumps(value).encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _content(self, body: bytes, trouble: Any) -> None:
        first = 0
        if "Range" in self.headers:
            self.stand_in.ranges.append(self.headers["Range"])
            first = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
            if first >= len(body):
                self._send(416, b"")
                return
        body = body[first:]
        self.send_response(206 if "Range" in self.headers else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        half = len(body) // 2
        self.wfile.write(body[:half])
        self.wfile.flush()
        if trouble == "cut":
            self.close_connection = True
            return
        if trouble == "slow":
            time.sleep(60)
        self.wfile.write(body[half:])
