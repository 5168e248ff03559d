# Deep MR in a container, for one machine or a cluster.
#
#   CPU:   docker build -t deepmr .
#   GPU:   docker build -t deepmr:gpu --build-arg BASE=nvidia/cuda:<version>-runtime-ubuntu24.04 \
#              --build-arg TORCH_INDEX=https://download.pytorch.org/whl/<the same CUDA, e.g. cu130> .
#
#   docker run --rm -v "$PWD/runs:/home/deepmr/app/runs" deepmr train.py seed=1
#   docker run --rm -v "$PWD/runs:/home/deepmr/app/runs" deepmr interrogate.py exposure=GATA1 outcome=TAL1
#
# The container runs as user 10001: let it write to the mounted folder (chown 10001 runs, or chmod a+w).
# By default torch is the CPU build, without gigabytes of CUDA libraries.
ARG BASE=python:3.12-slim-bookworm
FROM ${BASE}

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

# A CUDA base has no Python of its own; the slim base has one and skips this.
RUN if ! command -v python3 >/dev/null; then \
      apt-get update \
      && apt-get install --yes --no-install-recommends python3 python3-venv \
      && rm -rf /var/lib/apt/lists/*; \
    fi

# The folders are made here: WORKDIR would make them root's.
RUN useradd --create-home --uid 10001 deepmr \
    && mkdir -p /home/deepmr/app/runs \
    && chown -R deepmr:deepmr /home/deepmr
USER deepmr
WORKDIR /home/deepmr/app

ENV VIRTUAL_ENV=/home/deepmr/venv \
    PATH=/home/deepmr/venv/bin:$PATH \
    PIP_NO_CACHE_DIR=1 \
    PYTHONUNBUFFERED=1 \
    MPLBACKEND=Agg

# What changes rarely first: the layers with the packages are built once. torch alone comes from its
# own index; what it needs is installed with the rest.
COPY --chown=deepmr pyproject.toml constraints.txt README.md LICENSE ./
RUN python3 -m venv "$VIRTUAL_ENV" \
    && pip install --index-url "$TORCH_INDEX" --no-deps "$(grep '^torch==' constraints.txt)" \
    && mkdir deepmr && touch deepmr/__init__.py \
    && pip install -c constraints.txt -e .

COPY --chown=deepmr deepmr ./deepmr
COPY --chown=deepmr conf ./conf
COPY --chown=deepmr train.py interrogate.py ./
RUN python -c "import deepmr.mr, deepmr.lightning.module"

VOLUME ["/home/deepmr/app/runs"]
ENTRYPOINT ["python"]
CMD ["interrogate.py", "--help"]
