// weightseq from Node: scans the paths given, prints one line for each finding, and ends with the exit code of the command.
//   node scan.mjs ./my-adapter ./my-model
import process from 'node:process';
import { openLibrary, report, scanPath, SHIPPED_LIBRARY } from 'weightseq';

const library = await openLibrary(SHIPPED_LIBRARY);
const results = [];
for (const path of process.argv.slice(2)) results.push(await scanPath(path, { library }));

// The Report: plain data, valid against weightseq/report.schema.json.
const { items, exitCode } = report(results, 'present', '1');
for (const { path, findings, errors, beside } of items) {
  // A benign control (harmful: false) is never a reason for alarm.
  for (const { trait, harmful, verdict, shift, p } of findings) process.stdout.write(`${JSON.stringify({ path, trait, harmful, verdict, shift, p })}\n`);
  for (const { code, message } of errors) process.stdout.write(`${JSON.stringify({ path, error: code, message })}\n`);
  for (const { name, what } of beside) process.stdout.write(`${JSON.stringify({ path, beside: name, what })}\n`);
}
process.exitCode = exitCode;
