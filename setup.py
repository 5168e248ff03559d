"""The wheel's packages: those of `deepmr/`, and `conf/` as `deepmr/conf`."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["deepmr", "deepmr.*"]), "deepmr.conf"],
    package_dir={"deepmr.conf": "conf"},
)
