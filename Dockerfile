# syntax=docker/dockerfile:1
# One image for web, worker, beat and migrations: `docker build -t llmops .`, or let docker-compose.yml do it.

FROM python:3.13-slim-trixie AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
RUN python -m venv /app
COPY requirements/server.lock requirements/server.lock
RUN /app/bin/pip install --no-deps --require-hashes -r requirements/server.lock
COPY pyproject.toml README.md LICENSE manage.py ./
COPY llmops llmops
COPY prompts_app prompts_app
COPY evals_app evals_app
COPY monitoring_app monitoring_app
COPY templates templates
COPY static static
RUN /app/bin/pip install --no-deps --no-build-isolation . \
    && /app/bin/pip uninstall --yes hatchling pathspec pluggy trove-classifiers pip \
    && find /app -name tests -path '*/site-packages/*' -type d -prune -exec rm -r {} +

FROM python:3.13-slim-trixie
RUN groupadd --system --gid 10001 llmops \
    && useradd --system --uid 10001 --gid llmops --no-create-home --shell /usr/sbin/nologin llmops \
    && install -d -o llmops -g llmops -m 0700 /var/lib/llmops
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    LLMOPS_HOME=/var/lib/llmops \
    LLMOPS_HOST=0.0.0.0 \
    LLMOPS_LOCAL_MODEL=0 \
    LLMOPS_LOG_FORMAT=json
USER llmops
WORKDIR /app
VOLUME /var/lib/llmops
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --retries=3 CMD ["llmops", "healthcheck", "web"]
ENTRYPOINT ["llmops"]
CMD ["web"]
