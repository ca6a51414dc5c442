// Encrypts and decrypts with sender keys of Baileys: a request in JSON on each line of the input, a reply on each of
// the output.
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

console.info = console.warn = console.error = () => {};

const library = createRequire(process.argv[2] + '/').resolve('baileys');
const { GroupCipher, SenderKeyName, SenderKeyRecord } =
    await import(pathToFileURL(join(dirname(library), 'Signal/Group/index.js')));

async function reply(request) {
    let record = Buffer.from(request.session, 'base64');
    const storage = {
        loadSenderKey: async () => SenderKeyRecord.deserialize(record),
        storeSenderKey: async (name, changed) => { record = Buffer.from(JSON.stringify(changed.serialize())); },
    };
    const cipher = new GroupCipher(storage, new SenderKeyName('group', { id: 'sender', deviceId: 7 }));
    if (request.text !== undefined) {
        const message = await cipher.encrypt(Buffer.from(request.text));
        return { session: record.toString('base64'), message: Buffer.from(message).toString('base64') };
    }
    const text = await cipher.decrypt(Buffer.from(request.message, 'base64'));
    return { session: record.toString('base64'), text: Buffer.from(text).toString() };
}

for await (const line of createInterface({ input: process.stdin })) {
    let answer;
    try {
        answer = await reply(JSON.parse(line));
    } catch (e) {
        answer = { error: String(e) };
    }
    process.stdout.write(JSON.stringify(answer) + '\n');
}
