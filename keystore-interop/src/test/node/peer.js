// Encrypts and decrypts with libsignal-node: a request in JSON on each line of the input, a reply on each of the output.
'use strict';

const readline = require('node:readline');
const { ProtocolAddress, SessionCipher, SessionRecord } = require('libsignal');

console.info = console.warn = console.error = () => {};

async function reply(request) {
    let session = request.session;
    const storage = {
        loadSession: async () => SessionRecord.deserialize(session),
        storeSession: async (id, record) => { session = record.serialize(); },
        isTrustedIdentity: async () => true,
        getOurIdentity: async () => ({
            pubKey: Buffer.from(request.publicKey, 'base64'),
            privKey: Buffer.from(request.privateKey, 'base64'),
        }),
        getOurRegistrationId: async () => request.registrationId,
    };
    const cipher = new SessionCipher(storage, new ProtocolAddress(request.peer, 7));
    if (request.text !== undefined) {
        const message = await cipher.encrypt(Buffer.from(request.text));
        return { session, type: message.type, message: Buffer.from(message.body, 'binary').toString('base64') };
    }
    const text = await cipher.decryptWhisperMessage(Buffer.from(request.message, 'base64'));
    return { session, text: text.toString() };
}

(async () => {
    for await (const line of readline.createInterface({ input: process.stdin })) {
        let answer;
        try {
            answer = await reply(JSON.parse(line));
        } catch (e) {
            answer = { error: String(e) };
        }
        process.stdout.write(JSON.stringify(answer) + '\n');
    }
})();
