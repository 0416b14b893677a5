// A CSMS on ocpp-rpc in strict mode: every message of the station, CALLs and answers, is checked against its own schemas.
//
//     node csms.js HOST PORT        lines of JSON: in {"id": 1, "action": "Reset", "payload": {...}}, out:
//     {"listening": true}   {"connected": "CS1", "protocol": "ocpp2.0.1"}   {"call": "Heartbeat", "payload": {}}
//     {"id": 1, "result": {...}} or {"id": 1, "error": "..."}               {"violation": "...", ...}
const { RPCServer } = require('ocpp-rpc');
const readline = require('readline');

const say = message => process.stdout.write(JSON.stringify(message) + '\n');
const [host, port] = process.argv.slice(2);
const server = new RPCServer({ protocols: ['ocpp2.0.1'], strictMode: true, maxBadMessages: 1 });
let station;

const answers = {
    BootNotification: () => ({ status: 'Accepted', interval: 60, currentTime: new Date().toISOString() }),
    Heartbeat: () => ({ currentTime: new Date().toISOString() }),
    Authorize: () => ({ idTokenInfo: { status: 'Accepted' } }),
    TransactionEvent: params => params.idToken ? { idTokenInfo: { status: 'Accepted' } } : {},
    DataTransfer: () => ({ status: 'UnknownVendorId' }),
};

server.auth((accept, reject, handshake) => accept({ identity: handshake.identity }));
server.on('client', client => {
    station = client;
    say({ connected: client.identity, protocol: client.protocol });
    client.on('strictValidationFailure', e => say({ violation: String(e.error), method: e.method, params: e.params, result: e.result, details: e.error.details, outbound: e.outbound }));
    client.on('badMessage', e => say({ violation: `bad message: ${e.error}`, text: String(e.buffer) }));
    client.on('close', e => say({ closed: e.code }));
    client.handle(({ method, params }) => {
        say({ call: method, payload: params });
        return (answers[method] || (() => ({})))(params);
    });
});
readline.createInterface({ input: process.stdin }).on('line', async line => {
    const { id, action, payload } = JSON.parse(line);
    try {
        say({ id, result: await station.call(action, payload) });
    } catch (error) {
        say({ id, error: String(error), details: error.details });
    }
});
server.listen(Number(port), host).then(() => say({ listening: true }));
