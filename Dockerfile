# The service with its console, as targets:
#   docker build --target cpu .     torch from TORCH_CPU_INDEX (small)
#   docker build --target cuda .    the default build of torch with its CUDA libraries; `--gpus all`
# It runs as user 10001 on a read-only root: only /app/data is written, and /tmp needs a tmpfs.
ARG PYTHON=3.13-slim-bookworm

FROM python:${PYTHON} AS source
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends make \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY . .

FROM source AS build-cpu
ARG TORCH_CPU_INDEX=https://download.pytorch.org/whl/cpu
RUN RAYFIX_TORCH_INDEX=$TORCH_CPU_INDEX make setup-serve && rm -rf frontend/node_modules

FROM source AS build-cuda
RUN make setup-serve && rm -rf frontend/node_modules

FROM python:${PYTHON} AS runtime
RUN useradd --create-home --uid 10001 rayfix && install -d -o rayfix /app /app/data
WORKDIR /app
USER rayfix
ENV PATH=/app/.venv/bin:$PATH RAYFIX_HOST=0.0.0.0
EXPOSE 8000
VOLUME /app/data
HEALTHCHECK --interval=10s --start-period=60s CMD \
  ["python", "-c", "import urllib.request as r; r.urlopen('http://localhost:8000/readyz', timeout=3)"]
CMD ["rayfix", "serve"]

FROM runtime AS cuda
COPY --from=build-cuda --chown=rayfix /app /app

FROM runtime AS cpu
COPY --from=build-cpu --chown=rayfix /app /app
