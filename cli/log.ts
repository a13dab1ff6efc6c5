/** Everything that goes to stderr: one line each, as text or as JSON. In: what happened. Out: nothing. */
import { escapeJson } from '../src/report/json.js';

/** Most urgent first. */
const LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type Level = (typeof LEVELS)[number];

export const LOG_FORMATS = ['text', 'json'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** What else is known of an event; plain JSON. `excerpt` (lines that point into a file) and `stack` stand below the line in text. */
export type Fields = Readonly<Record<string, unknown>>;

type Write = (event: string, message: string, fields?: Fields) => void;

type Sink = (text: string) => void;

const toStderr: Sink = (text) => { process.stderr.write(text); };
const settings: { level: Level; format: LogFormat; sink: Sink } = { level: 'info', format: 'text', sink: toStderr };

/** What is written from now on: this level and the more urgent ones (`error` is --quiet, `debug` is --verbose), in which form. */
export function setLog(level: Level, format: LogFormat): void {
  Object.assign(settings, { level, format });
}

/** Has the lines written by something else, as above a bar that moves; null takes that back. */
export function divertLog(sink: Sink | null): void {
  settings.sink = sink ?? toStderr;
}

function isShown(level: Level): boolean {
  return LEVELS.indexOf(level) <= LEVELS.indexOf(settings.level);
}

/** Whether a line that moves may be drawn on stderr: not under --quiet, and never between lines of JSON. */
export function takesMovingLine(): boolean {
  return settings.format === 'text' && isShown('info');
}

/** One event as a line of JSON, without line end. Control and format characters are escapes. */
export function jsonLine(level: Level, event: string, message: string, fields: Fields, time: Date): string {
  const known = { time: time.toISOString(), level, event, message };
  return escapeJson(JSON.stringify({ ...known, ...fields, ...known }));
}

function writer(level: Level): Write {
  return (event, message, fields = {}) => {
    if (!isShown(level)) return;
    const { stack, excerpt } = fields;
    const below = [...(Array.isArray(excerpt) ? excerpt.map((line) => `    ${String(line)}`) : []), ...(typeof stack === 'string' ? [stack] : [])];
    const text = [`weightseq: ${message}`, ...below, ''].join('\n');
    settings.sink(settings.format === 'json' ? `${jsonLine(level, event, message, fields, new Date())}\n` : text);
  };
}

/**
 * The log: `event` is one stable word or two (`item.base`) for machines, `message` the line for people, in which text from a file is
 * escaped already. `error`: what makes the run fail. `warn`: what deserves a look. `info`: progress. `debug`: what is done, for --verbose.
 */
export const log: Readonly<Record<Level, Write>> = {
  error: writer('error'),
  warn: writer('warn'),
  info: writer('info'),
  debug: writer('debug'),
};
