# One image, every role: `python -m config.roles asgi | worker | scheduler` (compose.yaml).
# The running container needs no right to write but /data and /tmp.
ARG PYTHON=python:3.12-slim-trixie
ARG NODE=node:24-trixie-slim

FROM ${NODE} AS browser
WORKDIR /src/static
COPY static/package.json static/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY static/ ./
RUN npm run build

FROM ${PYTHON} AS packages
COPY requirements.txt /
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --disable-pip-version-check \
       --only-binary :all: --require-hashes -r /requirements.txt

FROM ${PYTHON} AS code
ENV PATH=/venv/bin:$PATH
COPY --from=packages /venv /venv
WORKDIR /app
COPY manage.py requirements.txt ./
COPY config/ config/
COPY analytics/ analytics/
COPY bots/ bots/
COPY integrations/ integrations/
COPY tenants/ tenants/
COPY templates/ templates/
COPY static/ static/
COPY --from=browser /src/static/dist static/dist
# Translations and the admin's files; nothing here is secret or asks for a service.
RUN DJANGO_SETTINGS_MODULE=config.settings.local python manage.py compile_texts \
    && DJANGO_SETTINGS_MODULE=config.settings.local python manage.py collectstatic --noinput -v 0 \
    && rm -rf static/node_modules \
    && python -m compileall -q .

FROM ${PYTHON} AS runtime
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin prilavok \
    && install -d -o prilavok -g prilavok /data
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=config.settings.production \
    DATA_DIR=/data \
    HOST=0.0.0.0 \
    PORT=8000
COPY --from=packages /venv /venv
COPY --from=code /app /app
WORKDIR /app
USER 10001:10001
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=6s --start-period=60s --retries=4 \
    CMD ["python", "-m", "config.healthcheck"]
CMD ["python", "-m", "config.roles", "asgi"]
