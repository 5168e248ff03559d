# Deep MR in a container, for one machine or a cluster.
#
#   CPU:   docker build -t deepmr .
#   GPU:   docker build -t deepmr:gpu --build-arg BASE=nvidia/cuda:12.8.1-runtime-ubuntu24.04 .
#
#   docker run --rm -v "$PWD/runs:/home/deepmr/app/runs" deepmr train.py seed=1
#   docker run --rm -v "$PWD/runs:/home/deepmr/app/runs" deepmr interrogate.py exposure=GATA1 outcome=TAL1
#
# On the default base torch comes from its index of CPU builds (TORCH_INDEX), without gigabytes of CUDA;
# with a CUDA base, pass --build-arg TORCH_INDEX=https://pypi.org/simple for the CUDA build.
ARG BASE=python:3.12-slim-bookworm
FROM ${BASE}

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

# A CUDA base has no Python of its own; the slim base has one and skips this.
RUN if ! command -v python3 >/dev/null; then \
      apt-get update \
      && apt-get install --yes --no-install-recommends python3 python3-venv \
      && rm -rf /var/lib/apt/lists/*; \
    fi

RUN useradd --create-home --uid 10001 deepmr
USER deepmr
WORKDIR /home/deepmr/app

ENV VIRTUAL_ENV=/home/deepmr/venv \
    PATH=/home/deepmr/venv/bin:$PATH \
    PIP_NO_CACHE_DIR=1 \
    PYTHONUNBUFFERED=1 \
    MPLBACKEND=Agg

# What changes rarely first: the layers with the packages are built once.
COPY --chown=deepmr pyproject.toml constraints.txt README.md LICENSE ./
RUN python3 -m venv "$VIRTUAL_ENV" \
    && pip install --index-url "$TORCH_INDEX" --extra-index-url https://pypi.org/simple \
         -c constraints.txt "$(grep '^torch==' constraints.txt)" \
    && mkdir deepmr && touch deepmr/__init__.py \
    && pip install -c constraints.txt -e .

COPY --chown=deepmr deepmr ./deepmr
COPY --chown=deepmr conf ./conf
COPY --chown=deepmr train.py interrogate.py ./
RUN mkdir -p runs && python -c "import deepmr.mr, deepmr.lightning.module"

VOLUME ["/home/deepmr/app/runs"]
ENTRYPOINT ["python"]
CMD ["interrogate.py", "--help"]
