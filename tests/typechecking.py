"""What checks annotations under pytest: beartype, with an int where a float is expected allowed."""

from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
