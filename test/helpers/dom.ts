/** A parsed HTML document, as a list of elements. */
import { parse, type DefaultTreeAdapterTypes, type ParserError } from 'parse5';

export interface Element {
  readonly tag: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Text of the element and of all within. */
  readonly text: string;
  /** All elements within, in the order of the document. */
  readonly within: readonly Element[];
  /** Elements directly within. */
  readonly children: readonly Element[];
}

type Node = DefaultTreeAdapterTypes.ChildNode;

/** The root element, and what a strict parser has to say. */
export function parseHtml(text: string): { root: Element; errors: string[] } {
  const errors: string[] = [];
  const document = parse(text, { onParseError: ({ code, startLine, startCol }: ParserError) => errors.push(`${code} at ${startLine}:${startCol}`), sourceCodeLocationInfo: false });
  return { root: elementOf('#document', [], document.childNodes), errors };
}

function elementOf(tag: string, attributes: readonly { name: string; value: string }[], nodes: readonly Node[]): Element {
  const children: Element[] = [];
  const within: Element[] = [];
  let text = '';
  for (const node of nodes) {
    if ('value' in node) text += node.value;
    if (!('tagName' in node)) continue;
    const child = elementOf(node.tagName, node.attrs, node.childNodes);
    children.push(child);
    within.push(child, ...child.within);
    text += child.text;
  }
  return { tag, attributes: Object.fromEntries(attributes.map(({ name, value }) => [name, value])), text, within, children };
}

/** Elements of a tag, and of a class where it is given. */
export function find(root: Element, tag: string, className?: string): Element[] {
  return root.within.filter((e) => e.tag === tag && (className === undefined || (e.attributes['class'] ?? '').split(' ').includes(className)));
}

/** The element with an id. */
export function byId(root: Element, id: string): Element {
  const found = root.within.find((e) => e.attributes['id'] === id);
  if (found === undefined) throw new Error(`no element has the id ${id}`);
  return found;
}
