"""A small question that tests of whole commands ask."""

from __future__ import annotations

ASK = (
    "exposure=GATA1",
    "outcome=TAL1",
    "loci.n=6",
    "store.loci_per_shard=4",
    "logger=null",
    "trainer.accelerator=cpu",
    "instruments.min_effect=0",
    "instruments.min_z=1",
)
