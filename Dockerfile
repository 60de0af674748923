# An image that serves, and nothing else: no PyTorch and no compiler.
#   docker build -t longwave:cpu .
#   docker build -t longwave:gpu --build-arg RUNTIME=gpu .
# The GPU image needs no CUDA base: the runtime's wheels bring the libraries, the host the driver.

FROM python:3.11-slim-bookworm AS build
ARG RUNTIME=cpu
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_CONSTRAINT="constraints.txt constraints-gpu.txt"
RUN python -m venv /opt/longwave
ENV PATH=/opt/longwave/bin:$PATH
WORKDIR /build
# The dependencies before the source: a change of the source does not install them again.
COPY pyproject.toml constraints.txt constraints-gpu.txt README.md LICENSE ./
RUN pip install ".[${RUNTIME}]" && pip uninstall --yes longwave
COPY service service
# Only so that the command is whole: without their extras, these say what they miss.
COPY bench bench
COPY training training
RUN pip install --no-deps . && pip uninstall --yes pip
# The search is compiled here, and for any processor of the kind, since the image may move. Compiled
# code is found again only in a folder that its user may write to.
ENV NUMBA_CACHE_DIR=/var/cache/longwave NUMBA_CPU_NAME=generic
RUN cd / && python -m service.engine.compiled

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin longwave
COPY --from=build /opt/longwave /opt/longwave
COPY --from=build --chown=longwave /var/cache/longwave /var/cache/longwave
WORKDIR /srv/longwave
COPY models models
ENV PATH=/opt/longwave/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    ORT_DISABLE_TELEMETRY=1 \
    NUMBA_CACHE_DIR=/var/cache/longwave \
    NUMBA_CPU_NAME=generic \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    LONGWAVE_HOST=0.0.0.0 \
    LONGWAVE_PORT=8000
USER 10001
EXPOSE 8000 2700
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['LONGWAVE_PORT'] + '/healthz', timeout=2)"]
ENTRYPOINT ["longwave"]
CMD ["serve"]
