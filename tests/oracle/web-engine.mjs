// The web engine (ODK Web Forms) without a browser, as one long-lived process: one JSON object a line in, one out.
//
//   {"op":"load","id":"f","xform":"<h:html…","media":"folder"}   {"ms":…,"volatile":[…]}
//   {"op":"start","id":"f"}                                       {"ms":…}, a fresh instance of that form
//   {"op":"set","ref":"/data/r[2]/q","value":"a b"}               {"ms":…}
//   {"op":"add","ref":"/data/r"}, {"op":"remove","ref":"/data/r[2]"}, {"op":"language","name":"French (fr)"}
//   {"op":"state"}                                                {"ms":…,"nodes":[…]}
//   {"op":"xml"}, {"op":"memory"}, {"op":"forget","id":"f"}
//
// What fails answers {"error":"…"} and changes nothing that the engine itself did not change. The clock stands still at
// the instant the first argument names, in milliseconds since 1970; the time zone is that of the variable TZ.
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { JSDOM } from 'jsdom';

stopTheClock(Number(process.argv.at(-1)));
console.log = console.info = console.warn = console.error;
lendTheDom(new JSDOM('<!doctype html><html></html>', { url: 'http://127.0.0.1/' }).window);
const engine = await importEngine();

const PRELOAD = { deviceID: 'oracle:dev', username: 'oracle', email: 'o@example.org', phoneNumber: '0' };
const forms = new Map();
let root = null;
let counting = new Set();

const operations = {
  async load({ id, xform, media }) {
    const form = await engine.loadForm(xform, {
      fetchFormAttachment: (url) => attachment(url, media),
      missingResourceBehavior: 'BLANK',
    });
    if (form.status === 'failure') throw form.error ?? new Error('the form was refused');
    forms.set(id, { form, counting: countingReferences(xform) });
    return { volatile: volatileReferences(xform) };
  },
  start({ id }) {
    const loaded = forms.get(id);
    if (!loaded) throw new Error(`no form ${id} is loaded`);
    root = null;
    counting = loaded.counting;
    root = loaded.form.createInstance({ preloadProperties: PRELOAD }).root;
  },
  set({ ref, value }) {
    setValue(nodeAt(ref), value);
  },
  add({ ref }) {
    rangeAt(ref).addInstances();
  },
  remove({ ref }) {
    const [, range, position] = /^(.*)\[(\d+)\]$/.exec(ref) ?? [];
    rangeAt(range).removeInstances(Number(position) - 1, 1);
  },
  language({ name }) {
    const language = root.languages.find((one) => one.language === name);
    if (!language) throw new Error(`no language ${name}`);
    root.setLanguage(language);
  },
  state: () => ({ nodes: [...walk(root)].map(stateOf) }),
  xml: () => ({ xml: root.instanceState.instanceXML }),
  memory: () => ({ resident_bytes: process.memoryUsage().rss }),
  forget({ id }) {
    root = null;
    forms.delete(id);
  },
};

for await (const line of readline.createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line)))}\n`);
}
process.exit(0);

async function answer(request) {
  const began = performance.now();
  try {
    const found = await operations[request.op](request);
    return { ...found, ms: performance.now() - began };
  } catch (error) {
    return { error: String(error?.message ?? error), ms: performance.now() - began };
  }
}

// Nodes

function* walk(node) {
  yield node;
  for (const child of node.currentState.children ?? []) yield* walk(child);
}

function isRange(node) {
  return node.nodeType.startsWith('repeat-range');
}

// Down the tree by the reference, so that a large form is not walked for every answer.
function descend(node, ref, isWanted) {
  for (const child of node.currentState.children ?? []) {
    const at = child.currentState.reference;
    if (at === ref && isWanted(child)) return child;
    if (ref === at || ref.startsWith(`${at}/`) || ref.startsWith(`${at}[`)) {
      const found = descend(child, ref, isWanted);
      if (found) return found;
    }
  }
  return null;
}

function nodeAt(ref) {
  const node = descend(root, ref, (one) => !isRange(one));
  if (!node) throw new Error(`no node ${ref}`);
  return node;
}

function rangeAt(ref) {
  const node = descend(root, ref, isRange);
  if (!node) throw new Error(`no repeat ${ref}`);
  return node;
}

function setValue(node, value) {
  const codes = value.split(/\s+/).filter((code) => code !== '');
  switch (node.nodeType) {
    case 'select':
      return node.selectType === 'select1' ? node.selectValue(codes[0] ?? null) : node.selectValues(codes);
    case 'rank':
      return node.setValues(codes);
    case 'trigger':
      return node.setValue(value === 'OK');
    case 'range':
      return node.setValue(value === '' ? null : value);
    case 'input':
      return node.setValue(value);
    default:
      throw new Error(`${node.currentState.reference} is a ${node.nodeType} and takes no answer`);
  }
}

function stateOf(node) {
  const state = node.currentState;
  const told = {
    ref: state.reference,
    kind: node.nodeType.split(':')[0],
    relevant: state.relevant,
    readonly: state.readonly,
    required: state.required,
  };
  if (isRange(node)) told.controlled = node.nodeType.endsWith(':controlled');
  if (state.children != null) return told;
  told.type = node.valueType;
  told.counting = counting.has(state.reference.replace(/\[\d+\]/g, ''));
  told.value = lexical(state.instanceValue ?? state.value);
  const violation = node.validationState?.violation;
  if (violation) told.violation = violation.condition;
  if (state.valueOptions) {
    told.options = state.valueOptions.map((option) => option.value);
    told.many = node.selectType !== 'select1';
  }
  return told;
}

function lexical(value) {
  if (value == null) return '';
  return Array.isArray(value) ? value.join(' ') : String(value);
}

// What differs from one run to the next by its nature: uuid() and random(), and whatever is computed from them. Read
// off the XForm's own text by a plain XML parser, so that no engine's opinion is in it.
function volatileReferences(xform) {
  const xml = new DOMParser().parseFromString(xform, 'text/xml');
  const rules = new Map();
  const add = (ref, text) => rules.set(ref, `${rules.get(ref) ?? ''} ${text}`);
  for (const bind of xml.getElementsByTagName('bind')) {
    const texts = [...bind.attributes].filter((one) => one.name !== 'nodeset').map((one) => one.value);
    add(bind.getAttribute('nodeset'), bind.getAttribute('jr:preload') === 'uid' ? 'uuid()' : texts.join(' '));
  }
  for (const action of xml.getElementsByTagName('setvalue')) {
    add(action.getAttribute('ref'), `${action.getAttribute('value') ?? ''} ${action.textContent}`);
  }
  for (const items of xml.getElementsByTagName('itemset')) {
    add(items.parentNode.getAttribute('ref'), items.getAttribute('nodeset'));
  }
  return closure(rules, /\b(?:uuid|random|randomize)\s*\(/);
}

// What decides how many instances a repeat has: a large answer there would be a large form.
function countingReferences(xform) {
  const xml = new DOMParser().parseFromString(xform, 'text/xml');
  const binds = [...xml.getElementsByTagName('bind')];
  const texts = [...xml.getElementsByTagName('repeat')].map((repeat) => repeat.getAttribute('jr:count') ?? '');
  const found = new Set();
  for (const text of texts) {
    for (const bind of binds) {
      const ref = bind.getAttribute('nodeset');
      if (found.has(ref) || !mentions(text, ref)) continue;
      found.add(ref);
      texts.push(bind.getAttribute('calculate') ?? '');
    }
  }
  return found;
}

function closure(rules, source) {
  const found = new Set();
  for (let before = -1; before < found.size; ) {
    before = found.size;
    for (const [ref, text] of rules) {
      if (source.test(text) || [...found].some((known) => mentions(text, known))) found.add(ref);
    }
  }
  return [...found];
}

function mentions(text, ref) {
  const name = ref.split('/').pop().replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`/\\s*${name}(?![\\w.-])`).test(text);
}

// What the engine expects of its surroundings

function attachment(url, media) {
  const name = decodeURIComponent(String(url).split('/').pop());
  const file = media ? path.join(media, name) : '';
  if (!fs.existsSync(file)) return Promise.resolve(new Response('', { status: 404 }));
  const types = { '.csv': 'text/csv', '.geojson': 'application/geo+json' };
  const headers = { 'content-type': types[path.extname(name)] ?? 'text/xml' };
  return Promise.resolve(new Response(fs.readFileSync(file), { headers }));
}

function stopTheClock(now) {
  globalThis.Date = class extends Date {
    constructor(...parts) {
      if (parts.length === 0) super(now);
      else super(...parts);
    }

    static now() {
      return now;
    }
  };
}

function lendTheDom(window) {
  const lent = /^(DOMParser|XML\w+|Node\w*|Document\w*|Element|HTMLElement|Attr|Text|Comment|CDATASection)$/;
  const also = /^(ProcessingInstruction|XPath\w+|NamedNodeMap|CharacterData|TreeWalker|localStorage)$/;
  for (const name of Object.getOwnPropertyNames(window)) {
    if (!lent.test(name) && !also.test(name)) continue;
    Object.defineProperty(globalThis, name, { value: window[name], configurable: true, writable: true });
  }
  globalThis.window ??= window;
  globalThis.document ??= window.document;
}

// The WebAssembly loader in the engine's bundle looks for `process.versions.node` and then for `__dirname`, which an ES
// module does not have. While it is imported the version is hidden, so that it goes the way it goes in a browser.
async function importEngine() {
  const real = globalThis.process;
  const bound = (target, key) => (typeof target[key] === 'function' ? target[key].bind(target) : target[key]);
  globalThis.process = new Proxy(real, { get: (target, key) => (key === 'versions' ? {} : bound(target, key)) });
  try {
    return await import('@getodk/xforms-engine');
  } finally {
    globalThis.process = real;
  }
}
