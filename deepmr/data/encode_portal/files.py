"""The settings of files that come from the ENCODE portal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deepmr.data.encode_portal.catalogue import Catalogue
from deepmr.data.encode_portal.portal import ADDRESS, Portal
from deepmr.data.inputs import DataFiles

__all__ = ["PortalFiles"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalFiles:
    """Files fetched from the ENCODE portal into the cache.

    Args:
        catalogue: Settings of `deepmr.data.encode_portal.Catalogue`: assembly, genome, exclude,
            tracks.
        targets: Targets, or accessions of files; None for the catalogue's own tracks.
        biosample: Where the targets were measured, e.g. ``K562``.
        portal: Address of the ENCODE portal.
        download_only: For the caller: fetch the files and stop.
        parallel: Largest number of downloads at a time.
        retries: How often a request is repeated after a passing failure of the network.
    """

    catalogue: Mapping[str, Any] | None = None
    targets: Sequence[str] | None = None
    biosample: str = "K562"
    portal: str = ADDRESS
    download_only: bool = False
    parallel: int = 4
    retries: int = 3

    def collect(self) -> DataFiles:
        """Fetch what the cache lacks; see `deepmr.data.encode_portal.Catalogue.fetch`.

        Raises:
            FileNotFoundError: If there is no catalogue, or a file cannot be fetched.
        """
        if self.catalogue is None:
            raise FileNotFoundError(
                "data.root must name the folder of the genome and the tracks where there is no "
                "catalogue, got none; set data.root=DIR"
            )
        return Catalogue(
            self.catalogue,
            targets=self.targets,
            biosample=self.biosample,
            portal=Portal(address=self.portal.rstrip("/"), retries=self.retries),
            parallel=self.parallel,
        ).fetch()
