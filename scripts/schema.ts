/** Writes schemas/*.schema.json from the zod schemas: npm run schema. */
import { fileURLToPath } from 'node:url';
import { manifestJsonSchema } from '../src/bench/manifest.js';
import { writeFileAtomic } from '../src/files.js';
import { policyJsonSchema } from '../src/gate/policy-schema.js';
import { suppressionsJsonSchema } from '../src/gate/suppressions-file.js';
import { reportJsonSchema } from '../src/report/schema.js';

const schemas = { report: reportJsonSchema(), policy: policyJsonSchema(), suppressions: suppressionsJsonSchema(), 'bench-manifest': manifestJsonSchema() };
for (const [name, schema] of Object.entries(schemas)) {
  await writeFileAtomic(fileURLToPath(new URL(`../../schemas/${name}.schema.json`, import.meta.url)), `${JSON.stringify(schema, null, 2)}\n`);
}
