import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, renameSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { BESIDE_LIMITS, lookBeside } from '../../src/checkpoint/beside.js';
import { fixture, temporaryFolder, withoutRoot } from '../helpers/fixtures.js';

/** A folder with these files; a value that is no text or bytes is written as JSON. */
function folderOf(t: TestContext, files: Record<string, unknown>): string {
  const folder = temporaryFolder(t);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), typeof content === 'string' || content instanceof Uint8Array ? content : JSON.stringify(content));
  }
  return folder;
}

async function kinds(t: TestContext, files: Record<string, unknown>): Promise<[string, string][]> {
  return (await lookBeside(folderOf(t, files), [])).map(({ name, what }) => [name, what]);
}

/** Bytes with these in front, as long as a small program. */
function startingWith(...first: number[]): Uint8Array {
  const bytes = new Uint8Array(200);
  bytes.set(first);
  return bytes;
}

const windowsProgram = startingWith(0x4d, 0x5a);
windowsProgram[60] = 0x80;
windowsProgram.set(Buffer.from('PE\0\0'), 0x80);

describe('what lies beside the weights, by name and by content', () => {
  const pickled = Buffer.from('\x80\x04\x95\x0b\0\0\0\0\0\0\0\x8c\x05posix\x94.', 'latin1');
  const cases: [name: string, content: string | Uint8Array, kinds: string[]][] = [
    ['pytorch_model.bin', pickled, ['pickle', 'weights']],
    ['adapter_model.bin', 'PK\x03\x04 archive/data.pkl', ['pickle', 'weights']],
    ['training_args.bin', pickled, ['pickle']],
    ['state.joblib', 'anything', ['pickle']],
    ['notes.txt', pickled, ['pickle']],
    ['vocab.json', 'cos\nsystem\n(S\'id\'\ntR.', ['pickle']],
    ['vocab.txt', 'cat\ndog\nhorse\n', []],
    ['objects.npy', '\x93NUMPY\x01\0v\0{\'descr\': \'|O\', \'fortran_order\': False, \'shape\': (1,), }', ['pickle', 'weights']],
    ['numbers.npy', '\x93NUMPY\x01\0v\0{\'descr\': \'<f4\', \'fortran_order\': False, \'shape\': (1,), }', ['weights']],
    ['modeling_custom.py', 'class A: pass', ['script']],
    ['setup.SH', 'ls', ['script']],
    ['demo.ipynb', '{}', ['script']],
    ['LICENSE', '#!/bin/sh\nls\n', ['script']],
    ['install.ps1', 'ls', ['script']],
    ['more.tar.gz', startingWith(0x1f, 0x8b), ['archive']],
    ['data.zip', 'PK\x03\x04 some other file', ['archive']],
    ['readme.md', startingWith(0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c), ['archive']],
    ['empty.7z', '', ['archive']],
    ['libx.so.1.2', 'not even one', ['binary']],
    ['image.png', startingWith(0x7f, 0x45, 0x4c, 0x46), ['binary']],
    ['tool.txt', windowsProgram, ['binary']],
    ['MZ.txt', 'MZ is how this text begins, and it goes on for more than sixty-four characters.', []],
    ['mac', startingWith(0xcf, 0xfa, 0xed, 0xfe), ['binary']],
    ['module.dat', '\0asm\x01\0\0\0', ['binary']],
    ['other.safetensors', 'x', ['weights']],
    ['model.gguf', 'GGUF', ['weights']],
    ['renamed.dat', 'GGUF\x03\0\0\0', ['weights']],
    ['README.md', '# A model', []],
    ['tokenizer.json', '{"model":{}}', []],
    ['.gitattributes', '*.bin filter=lfs', []],
  ];
  for (const [name, content, wanted] of cases) {
    it(`${name}: ${wanted.join(', ') || 'nothing'}`, async (t) => {
      const bytes = typeof content === 'string' ? Buffer.from(content, 'latin1') : content;
      const found = await lookBeside(folderOf(t, { [name]: bytes }), []);
      assert.deepEqual(found.map(({ what }) => what), wanted);
      for (const entry of found) {
        assert.equal(entry.name, name);
        assert.equal(entry.bytes, bytes.length);
        assert.match(entry.reason, /^[^.\n]+(?:\.np[yz])?[^.\n]*$/u, 'one clause');
      }
    });
  }

  it('knows the files that torch, numpy and others wrote, under any name', async (t) => {
    const folder = temporaryFolder(t);
    const wanted = { 'torch-legacy.bin': 'pickle', 'torch-zip.pt': 'pickle', 'arrays.npz': 'weights', 'array.npy': 'weights', 'keras.h5': 'weights', 'model.gguf': 'weights', 'text.gz': 'archive' };
    Object.keys(wanted).forEach((name, i) => { copyFileSync(fixture(`safetensors/foreign/${name}`), join(folder, `file-${i}`)); });
    copyFileSync(fixture('safetensors/all-dtypes.safetensors'), join(folder, 'file-7'));
    const found = await lookBeside(folder, []);
    assert.deepEqual(found.map(({ name, what }) => [name, what]), [...Object.values(wanted), 'weights'].map((what, i) => [`file-${i}`, what]));
  });

  it('leaves out what was read, and says what has another name than it should', async (t) => {
    const folder = folderOf(t, { 'model.safetensors': 'x', 'run.txt': '#!/bin/sh' });
    const [only, ...others] = await lookBeside(folder, ['model.safetensors']);
    assert.deepEqual([only?.name, others], ['run.txt', []]);
    assert.match(only?.reason ?? '', /under another name/);
  });
});

describe('code that a configuration asks for', () => {
  const cases: [string, string, unknown, RegExp | null][] = [
    ['code of the folder', 'config.json', { auto_map: { AutoConfig: 'configuration_x.XConfig' } }, /code of this folder.*"configuration_x\.XConfig"/],
    ['code of another repository', 'config.json', { auto_map: { AutoModel: 'stranger/repo--modeling.X' } }, /another repository, which was not looked at.*"stranger\/repo--modeling\.X"/],
    ['a slow and a fast tokenizer', 'tokenizer_config.json', { auto_map: { AutoTokenizer: ['tok.Slow', null] } }, /"tok\.Slow"/],
    ['code of a part', 'config.json', { text_config: { auto_map: { AutoModel: 'deep.X' } } }, /"deep\.X"/],
    ['a processor', 'preprocessor_config.json', { auto_map: { AutoProcessor: 'p.P' } }, /"p\.P"/],
    ['an adapter\'s', 'adapter_config.json', { auto_map: { AutoModel: 'a.B' } }, /"a\.B"/],
    ['a module that PEFT imports', 'adapter_config.json', { auto_mapping: { base_model_class: 'X', parent_library: 'evil_module' } }, /PEFT imports.*"evil_module"/],
    ['a class of transformers', 'adapter_config.json', { auto_mapping: { base_model_class: 'BertModel', parent_library: 'transformers.models.bert.modeling_bert' } }, null],
    ['cached remote code', 'adapter_config.json', { auto_mapping: { parent_library: 'transformers_modules.stranger.repo' } }, /transformers_modules/],
    ['a pipeline', 'config.json', { custom_pipelines: { 'text-x': { impl: 'pipe.Pipe', pt: ['AutoModel'] } } }, /"pipe\.Pipe"/],
    ['a kernel', 'config.json', { attn_implementation: 'stranger/kernel' }, /kernel of another repository.*"stranger\/kernel"/],
    ['an ordinary attention', 'config.json', { attn_implementation: 'sdpa', architectures: ['LlamaForCausalLM'] }, null],
    ['a module of sentence-transformers', 'modules.json', [{ idx: 0, type: 'sentence_transformers.models.Pooling' }], null],
    ['a module of something else', 'modules.json', [{ idx: 0, type: 'custom_st.Transformer' }], /"custom_st\.Transformer"/],
    ['code in a folder within', 'sub/config.json', { auto_map: { AutoModel: 'm.X' } }, /"m\.X"/],
    ['nothing', 'config.json', { model_type: 'llama', auto_map: {} }, null],
    ['an unrelated file', 'data.json', { auto_map: { AutoModel: 'm.X' } }, null],
  ];
  for (const [title, name, content, reason] of cases) {
    it(`${title}: ${reason === null ? 'nothing' : 'remote-code'}`, async (t) => {
      const found = await lookBeside(folderOf(t, { [name]: content }), [name]);
      assert.deepEqual(found.map((entry) => [entry.name, entry.what]), reason === null ? [] : [[name, 'remote-code']]);
      if (reason !== null) assert.match(found[0]?.reason ?? '', reason);
    });
  }

  it('says so of a configuration that is no JSON', async (t) => {
    const found = await lookBeside(folderOf(t, { 'config.json': '{"auto_map": ' }), []);
    assert.deepEqual(found.map(({ what }) => what), ['unseen']);
    assert.match(found[0]?.reason ?? '', /whether it asks for code is not known/);
  });
});

describe('chat templates', () => {
  const bad: [string, string, RegExp][] = [
    ['a way to any function', '{{ cycler.__init__.__globals__.os.popen("id").read() }}', /"__init__", "__globals__"/],
    ['by subscript', '{{ x["__class__"]["__mro__"] }}', /__class__/],
    ['with escapes', '{{ x["\\x5f\\x5fclass\\x5f\\x5f"] }}', /__class__/],
    ['from pieces', '{{ x["__cl" ~ "ass__"] }}', /from pieces/],
    ['in a format', '{{ "{0.__class__}".format(x) }}', /__class__/],
    ['behind what looks like a comment', '{% raw %}{#{% endraw %}{{ x.__class__ }}{% raw %}#}{% endraw %}', /__class__/],
    ['the attr filter', '{{ x | attr("up" ~ "date") }}', /attr filter/],
    ['the insides of Jinja', '{{ self._TemplateReference__context }}{{ self._TemplateReference }}', /insides of Jinja/],
    ['a frame', '{{ g.gi_frame.f_back }}', /"gi_frame", "f_back"/],
    ['another template', '{%- include "../other" %}', /loads another template/],
    ['invisible characters', 'Answer as asked.\u{e0041}\u202e', /nobody sees: \\u\{e0041\} \\u\{202e\}/],
  ];
  for (const [title, template, reason] of bad) {
    it(`template: ${title}`, async (t) => {
      const files = { 'chat_template.jinja': template, 'tokenizer_config.json': { chat_template: template }, 'chat_template.json': { chat_template: template }, 'processor_config.json': { chat_template: [{ name: 'a', template }] } };
      const found = await lookBeside(folderOf(t, files), []);
      assert.deepEqual([...new Set(found.map(({ name }) => name))].sort(), Object.keys(files).sort());
      for (const { what } of found) assert.equal(what, 'template');
      assert.match(found.map((entry) => entry.reason).join('\n'), reason);
    });
  }

  it('nothing for what templates do every day', async (t) => {
    const template = '\ufeff{%- if not add_generation_prompt is defined %}{%- set ns = namespace(is_first=false, tool="<__media__>") %}{%- endif %}{# don\'t #}\n'
      + '{%- macro render(content) %}{{ content["text"] | trim | tojson(indent=4) }}{%- endmacro %}{% for message in messages[1:] if message["role"] != \'system\' %}'
      + '{{- \'<|im_start|>\' + message.role + "\\n" + render(message.content).split("</think>")[-1].lstrip(\'\\n\') + \'<｜end▁of▁sentence｜>\' }}{% generation %}{% endgeneration %}{%- endfor %}'
      + '{{ raise_exception("Roles must alternate") }}{{ strftime_now("%d %b %Y") }}{{ loop.index0 }} 👩‍'.replace('\u200d', '');
    assert.deepEqual(await kinds(t, { 'chat_template.jinja': template, 'tokenizer_config.json': { chat_template: template } }), []);
  });
});

describe('a hostile folder', () => {
  it('follows links within the folder alone', async (t) => {
    const outside = folderOf(t, { 'secret.txt': '#!/bin/sh' });
    const folder = folderOf(t, { 'run': '#!/bin/sh', 'sub/note.txt': '' });
    symlinkSync('run', join(folder, 'inner'));
    symlinkSync(join(outside, 'secret.txt'), join(folder, 'outer'));
    symlinkSync(outside, join(folder, 'folder'));
    symlinkSync('sub', join(folder, 'round'));
    symlinkSync('nowhere', join(folder, 'broken'));
    const found = await lookBeside(folder, []);
    assert.deepEqual(Object.fromEntries(found.map(({ name, what, reason }) => [name, `${what}: ${reason}`])), {
      broken: 'unseen: a link to nothing',
      folder: 'unseen: a link that leads out of the folder, which was not followed',
      inner: 'script: a script (it begins with #!)',
      outer: 'unseen: a link that leads out of the folder, which was not followed',
      round: 'unseen: a link to a folder, which was not followed',
      run: 'script: a script (it begins with #!)',
    });
  });

  it('takes the links of the Hugging Face cache', async (t) => {
    const root = folderOf(t, { 'models--a--b/blobs/aa': '#!/bin/sh', 'models--a--b/snapshots/1/sub/x': '' });
    const snapshot = join(root, 'models--a--b/snapshots/1');
    symlinkSync('../../blobs/aa', join(snapshot, 'tool'));
    symlinkSync('../../../blobs/aa', join(snapshot, 'sub/tool.py'));
    assert.deepEqual((await lookBeside(snapshot, [])).map(({ name, what }) => [name, what]), [['sub/tool.py', 'script'], ['tool', 'script']]);
  });

  it('takes hostile names as they are', async (t) => {
    const names = ['a\u001b[2J.py', '\u202efdp.exe', 'line\nbreak.sh', '-rf.sh', ' .sh', '<script>.js'];
    const found = await kinds(t, Object.fromEntries(names.map((name) => [name, ''])));
    assert.deepEqual(found.map(([name]) => name), [...names].sort());
  });

  it('names a pipe, and opens none', { timeout: 20_000 }, async (t) => {
    const folder = temporaryFolder(t);
    assert.equal(spawnSync('mkfifo', [join(folder, 'pipe.py')]).status, 0);
    assert.deepEqual((await lookBeside(folder, [])).map(({ name, what }) => [name, what]), [['pipe.py', 'unseen']]);
  });

  it('says what it may not open', async (t) => {
    const folder = folderOf(t, { 'a.py': 'x', 'b.txt': 'x', 'sub/c.py': 'x' });
    spawnSync('chmod', ['000', join(folder, 'a.py'), join(folder, 'b.txt'), join(folder, 'sub')]);
    const found = await withoutRoot(folder, () => lookBeside(folder, []));
    spawnSync('chmod', ['700', join(folder, 'sub')]);
    assert.deepEqual(found.map(({ name, what }) => [name, what]), [['a.py', 'script'], ['a.py', 'unseen'], ['b.txt', 'unseen'], ['sub', 'unseen']]);
  });

  it('goes down so far, and says where it stopped; .git is left out', async (t) => {
    const found = await kinds(t, { '1/2/3/a.py': '', '1/2/3/4/b.py': '', '.git/hooks/post-checkout': '#!/bin/sh' });
    assert.deepEqual(found, [['1/2/3/4', 'unseen'], ['1/2/3/a.py', 'script']]);
  });

  it('looks beside a file in its folder alone', async (t) => {
    const folder = folderOf(t, { 'model.safetensors': 'x', 'a.py': '', 'sub/b.py': '' });
    const found = await lookBeside(join(folder, 'model.safetensors'), ['model.safetensors']);
    assert.deepEqual(found.map(({ name }) => name), ['a.py']);
  });

  it('counts what it does not list or open: thousands of files', async (t) => {
    const folder = temporaryFolder(t);
    const many = 3000;
    for (let i = 0; i < many; i++) writeFileSync(join(folder, `${String(i).padStart(4, '0')}.${i % 2 === 0 ? 'py' : 'txt'}`), '');
    const found = await lookBeside(folder, []);
    const scripts = found.filter(({ what }) => what === 'script');
    assert.equal(scripts.length, BESIDE_LIMITS.listed + 1);
    assert.equal(scripts.at(-1)?.name, `${many / 2 - BESIDE_LIMITS.listed} more`);
    const unseen = found.filter(({ what }) => what === 'unseen');
    assert.equal(unseen.at(-1)?.name, `${many - BESIDE_LIMITS.opened - BESIDE_LIMITS.listed} more`);
  });

  it('has nothing to say of what is not there', async (t) => {
    assert.deepEqual(await lookBeside(join(temporaryFolder(t), 'nowhere'), []), []);
  });

  it('stands a configuration that is too large, and a template of nothing but openings', async (t) => {
    const folder = folderOf(t, { 'config.json': '{}', 'chat_template.jinja': '{{"__'.repeat(200_000) });
    truncateSync(join(folder, 'config.json'), BESIDE_LIMITS.text + 1);
    renameSync(join(folder, 'config.json'), join(folder, 'tokenizer_config.json'));
    const found = await lookBeside(folder, []);
    assert.deepEqual(found.map(({ name, what }) => [name, what]), [['tokenizer_config.json', 'unseen']]);
  });
});
