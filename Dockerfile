# The coordinator. The resolver belongs on routers, as a package of theirs.

FROM python:3.11-bookworm AS build
ENV RUSTUP_HOME=/rust CARGO_HOME=/rust PATH=/rust/bin:$PATH
RUN curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal
COPY pyproject.toml README.md LICENSE /source/
COPY native /source/native
COPY safedns /source/safedns
RUN pip wheel --no-cache-dir --wheel-dir /wheels '/source[coordinator]'

FROM python:3.11-slim-bookworm
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir --no-index --find-links /wheels 'safedns[coordinator]' && rm -r /wheels \
    && useradd --system --home-dir /data safedns && install -d -o safedns -g safedns /data /data/keys
COPY deploy/compose/entrypoint /usr/local/bin/entrypoint
USER safedns
VOLUME /data
EXPOSE 8400
ENTRYPOINT ["entrypoint"]
HEALTHCHECK --interval=10s CMD ["python3", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8400/health/live', timeout=3)"]
