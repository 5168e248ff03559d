"""Tracks by name from the ENCODE portal: records, searches and downloads into the cache."""

from deepmr.data.encode_portal.catalogue import Catalogue
from deepmr.data.encode_portal.entry import Entry
from deepmr.data.encode_portal.files import PortalFiles
from deepmr.data.encode_portal.portal import ADDRESS, Portal

__all__ = ["ADDRESS", "Catalogue", "Entry", "Portal", "PortalFiles"]
