/** Writes schemas/*.schema.json from the zod schemas: npm run schema. */
import { fileURLToPath } from 'node:url';
import { certificateJsonSchema } from '../src/certificate/schema.js';
import { verificationJsonSchema } from '../src/certificate/checks.js';
import { declaredJsonSchema } from '../src/certificate/declared-schema.js';
import { manifestJsonSchema } from '../src/bench/manifest.js';
import { writeFileAtomic } from '../src/files.js';
import { registryJsonSchema } from '../src/gate/registry-file.js';
import { lineageJsonSchema } from '../src/lineage/schema.js';
import { policyJsonSchema } from '../src/gate/policy-schema.js';
import { suppressionsJsonSchema } from '../src/gate/suppressions-file.js';
import { comparisonJsonSchema } from '../src/report/comparison/schema.js';
import { driftJsonSchema } from '../src/report/drift/schema.js';
import { reportJsonSchema } from '../src/report/schema.js';

const schemas = {
  report: reportJsonSchema(), policy: policyJsonSchema(), suppressions: suppressionsJsonSchema(), lineage: lineageJsonSchema(), registry: registryJsonSchema(),
  certificate: certificateJsonSchema(), declared: declaredJsonSchema(), verification: verificationJsonSchema(),
  comparison: comparisonJsonSchema(), drift: driftJsonSchema(),
  'bench-manifest': manifestJsonSchema(),
};
for (const [name, schema] of Object.entries(schemas)) {
  await writeFileAtomic(fileURLToPath(new URL(`../../schemas/${name}.schema.json`, import.meta.url)), `${JSON.stringify(schema, null, 2)}\n`);
}
