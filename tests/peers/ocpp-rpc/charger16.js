// A charger that speaks OCPP 1.6 on ocpp-rpc in strict mode: every message of the Central System, CALLs and answers, is checked against its
// own schemas. It waits for its answers, retries and reconnects as that library does.
//
//     node charger16.js URL IDENTITY [PASSWORD]     lines of JSON: in {"id": 1, "action": "Heartbeat", "payload": {...}}, out:
//     {"open": true}   {"call": "RemoteStartTransaction", "payload": {...}}   {"id": 1, "result": {...}} or {"id": 1, "error": "..."}
const { RPCClient } = require('ocpp-rpc');
const readline = require('readline');

const say = message => process.stdout.write(JSON.stringify(message) + '\n');
const [endpoint, identity, password] = process.argv.slice(2);
const client = new RPCClient({ endpoint, identity, password, protocols: ['ocpp1.6'], strictMode: true, callTimeoutMs: 40000 });

const answers = {
    GetConfiguration: ({ key }) => ({ configurationKey: [], unknownKey: key }),
    ChangeConfiguration: () => ({ status: 'NotSupported' }),
    TriggerMessage: () => ({ status: 'NotImplemented' }),
    UnlockConnector: () => ({ status: 'Unlocked' }),
};

client.on('strictValidationFailure', e => say({ violation: String(e.error), method: e.method, params: e.params, result: e.result, outbound: e.outbound }));
client.on('badMessage', e => say({ violation: `bad message: ${e.error}`, text: String(e.buffer) }));
client.on('open', () => say({ open: true }));
client.handle(({ method, params }) => {
    say({ call: method, payload: params });
    return (answers[method] || (() => ({ status: 'Accepted' })))(params);
});
readline.createInterface({ input: process.stdin }).on('line', async line => {
    const { id, action, payload } = JSON.parse(line);
    try {
        say({ id, result: await client.call(action, payload) });
    } catch (error) {
        say({ id, error: String(error) });
    }
});
client.connect().catch(error => say({ failed: String(error) }));
