// Reads a folder with a package of Baileys, and prints the credentials and the keys that the input names:
// {"type":["id",…],…}.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [, , modules, name, folder] = process.argv;
const baileys = await import(pathToFileURL(createRequire(modules + '/').resolve(name)));
const { state } = await baileys.useMultiFileAuthState(folder);
const keys = {};
for (const [type, ids] of Object.entries(JSON.parse(readFileSync(0, 'utf8')))) {
    keys[type] = await state.keys.get(type, ids);
}
process.stdout.write(JSON.stringify({ creds: state.creds, keys }, baileys.BufferJSON.replacer));
