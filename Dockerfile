# A small image that scans weights mounted read-only, as a normal user, without a network:
#   docker build -t weightseq .
#   docker run --rm --network none --read-only --cap-drop ALL -v "$PWD/my-adapter:/weights:ro" weightseq
# node's slim image has the glibc that ONNX Runtime needs; Alpine's musl is not enough.
FROM node:22-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc tsconfig.json README.md LICENSE NOTICE ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY src ./src
COPY cli ./cli
COPY schemas ./schemas
COPY signatures ./signatures
RUN npm run build
# What npm would publish, with what it depends on, and of ONNX Runtime's libraries only those of this machine.
RUN npm pack --ignore-scripts && mkdir /opt/weightseq && tar -xzf weightseq-*.tgz --strip-components=1 -C /opt/weightseq && cp package-lock.json /opt/weightseq/
WORKDIR /opt/weightseq
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund
RUN find node_modules/onnxruntime-node/bin -mindepth 3 -maxdepth 3 -type d ! -path "*/linux/$(node -p process.arch)" -exec rm -r {} +

FROM node:22-slim
COPY --from=build /opt/weightseq /opt/weightseq
# The image's own user `node`, by number, so that Kubernetes can tell that it is not root.
USER 1000:1000
WORKDIR /weights
ENTRYPOINT ["node", "/opt/weightseq/dist/cli/main.js"]
CMD ["scan", "/weights"]
