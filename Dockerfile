# Deep MR in a container, for one machine or a cluster.
#
#   CPU:   docker build -t deepmr .
#   GPU:   docker build -t deepmr:gpu --build-arg BASE=nvidia/cuda:<version>-runtime-ubuntu24.04 \
#              --build-arg TORCH_INDEX=https://download.pytorch.org/whl/<the same CUDA, e.g. cu130> .
#
#   docker run --rm -v "$PWD/runs:/home/deepmr/app/runs" deepmr train seed=1
#   docker run --rm -v "$PWD/runs:/home/deepmr/app/runs" deepmr interrogate exposure=GATA1 outcome=TAL1
#
# The container runs as user 10001: let it write to the mounted folder (chown 10001 runs, or chmod a+w).
# By default torch is the CPU build, without gigabytes of CUDA libraries.
ARG BASE=python:3.11-slim-bookworm
FROM ${BASE}

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

# A CUDA base has no Python of its own; the slim base has one and skips this.
RUN if ! command -v python3 >/dev/null; then \
      apt-get update \
      && apt-get install --yes --no-install-recommends python3 python3-venv \
      && rm -rf /var/lib/apt/lists/*; \
    fi

# The folders are made here: WORKDIR would make them root's. Sources lie in one, runs in another.
RUN useradd --create-home --uid 10001 deepmr \
    && mkdir -p /home/deepmr/source /home/deepmr/app/runs \
    && chown -R deepmr:deepmr /home/deepmr
USER deepmr
WORKDIR /home/deepmr/source

ENV VIRTUAL_ENV=/home/deepmr/venv \
    PATH=/home/deepmr/venv/bin:$PATH \
    PIP_NO_CACHE_DIR=1 \
    PYTHONUNBUFFERED=1 \
    MPLBACKEND=Agg

# What changes rarely first: the layers with the packages are built once. torch alone comes from its
# own index; what it needs is installed with the rest. An empty package stands in for Deep MR, whose
# version and configuration are read from its sources.
COPY --chown=deepmr pyproject.toml setup.py constraints.txt README.md LICENSE ./
RUN python3 -m venv "$VIRTUAL_ENV" \
    && pip install --index-url "$TORCH_INDEX" --no-deps "$(grep '^torch==' constraints.txt)" \
    && mkdir deepmr conf && echo '__version__ = "0"' > deepmr/__init__.py \
    && pip install -c constraints.txt . \
    && rm -r build deepmr conf

COPY --chown=deepmr deepmr ./deepmr
COPY --chown=deepmr conf ./conf
RUN pip install --no-deps --force-reinstall -c constraints.txt . && rm -r build

WORKDIR /home/deepmr/app
RUN deepmr interrogate --help > /dev/null && python -c "import deepmr.mr, deepmr.lightning.module"

VOLUME ["/home/deepmr/app/runs"]
ENTRYPOINT ["deepmr"]
CMD ["--help"]
