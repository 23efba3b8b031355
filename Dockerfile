# The server in a container of its own, for machines where everything runs in containers. It needs the socket of the
# machine's Docker daemon and a data directory under the same path inside and outside: see compose.yaml.
#
#   docker build -t glambdar .
#
# BASE may be any image with glibc, the Node.js that functions shall run on, npm, mount and umount.
ARG BASE=node:24-bookworm-slim

FROM ${BASE} AS build
WORKDIR /opt/glambdar
COPY . .
# What is in node_modules already is used; else npm fetches it.
RUN test -d node_modules || npm ci --no-audit --no-fund
RUN node node_modules/typescript/bin/tsc -p tsconfig.build.json && \
    npm prune --omit=dev --offline --ignore-scripts --no-audit --no-fund

FROM ${BASE}
WORKDIR /opt/glambdar
COPY --from=build /opt/glambdar/package.json ./
COPY --from=build /opt/glambdar/node_modules ./node_modules
COPY --from=build /opt/glambdar/dist ./dist
# For the operator: docker compose exec glambdar npx glambdar doctor
COPY --from=build /opt/glambdar/scripts/glambdar.mjs ./scripts/
ENV NODE_ENV=production
ENTRYPOINT ["node", "dist/src/main.js"]
