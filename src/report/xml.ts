/** XML 1.0 text from nested elements. Pure. */
import { escapeText } from '../text.js';

export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string | number>>;
  /** Elements, or a text. */
  readonly content: readonly Element[] | string;
}

export function element(name: string, attributes: Element['attributes'], content: Element['content'] = []): Element {
  return { name, attributes, content };
}

/** Characters that XML 1.0 can't hold in any spelling, besides those that `escapeText` replaces. */
const NONCHARACTERS = /[\ufffe\uffff]/gu;
const REFERENCES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };

/**
 * One line of text for an element or an attribute: control, bidi and other characters that can't be shown or stored as
 * `\u{hex}`, markup and `]]>` as references. `##[` becomes one too: a log of GitHub's runner would obey it.
 */
export function xmlText(text: string): string {
  return escapeText(text)
    .replace(NONCHARACTERS, (c) => `\\u{${c.charCodeAt(0).toString(16)}}`)
    .replace(/[&<>"']/gu, (c) => REFERENCES[c] ?? c)
    .replace(/##(?=vso\[|\[)/giu, '#&#35;');
}

/** A document with its declaration, indented by two spaces. Text keeps its line ends; each line is made safe for itself. */
export function renderXml(root: Element): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${lines(root, '').join('\n')}\n`;
}

function lines({ name, attributes, content }: Element, indent: string): string[] {
  const pairs = Object.entries(attributes).map(([key, value]) => ` ${key}="${xmlText(String(value))}"`).join('');
  const open = `${indent}<${name}${pairs}`;
  if (content.length === 0) return [`${open}/>`];
  if (typeof content === 'string') return [`${open}>${content.split('\n').map(xmlText).join('\n')}</${name}>`];
  return [`${open}>`, ...content.flatMap((child) => lines(child, `${indent}  `)), `${indent}</${name}>`];
}
