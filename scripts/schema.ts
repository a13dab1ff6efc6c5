/** Writes schemas/report.schema.json from src/report/schema.ts: npm run schema. */
import { fileURLToPath } from 'node:url';
import { writeFileAtomic } from '../src/files.js';
import { reportJsonSchema } from '../src/report/schema.js';

const target = fileURLToPath(new URL('../../schemas/report.schema.json', import.meta.url));
await writeFileAtomic(target, `${JSON.stringify(reportJsonSchema(), null, 2)}\n`);
