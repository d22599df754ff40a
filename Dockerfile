# The service with its console. DEVICE=cpu takes torch from TORCH_CPU_INDEX (small), DEVICE=cuda
# the default build with its CUDA libraries; run that one with `--gpus all`.
ARG PYTHON=3.13-slim-bookworm
ARG DEVICE=cpu

FROM python:${PYTHON} AS build
ARG DEVICE
ARG TORCH_CPU_INDEX=https://download.pytorch.org/whl/cpu
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends make \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY . .
RUN if [ "$DEVICE" = cpu ]; then export RAYFIX_TORCH_INDEX=$TORCH_CPU_INDEX; fi \
    && make setup-serve \
    && rm -rf frontend/node_modules

FROM python:${PYTHON}
RUN useradd --create-home --uid 10001 rayfix && install -d -o rayfix /app /app/data
WORKDIR /app
COPY --from=build --chown=rayfix /app /app
USER rayfix
ENV PATH=/app/.venv/bin:$PATH RAYFIX_HOST=0.0.0.0
EXPOSE 8000
VOLUME /app/data
HEALTHCHECK --interval=10s --start-period=60s CMD \
  ["python", "-c", "import urllib.request as r; r.urlopen('http://localhost:8000/readyz', timeout=3)"]
CMD ["rayfix", "serve"]
