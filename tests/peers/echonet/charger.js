// Two chargers (0x02A1, instances 1 and 2) on the library echonet-lite, which nobody here wrote: frames, node profile and sending are
// the library's, only the objects' values are ours.
//
//   node charger.js ADDRESS PORT
//
// Commands on stdin: "set EPC HEX [OBJECT]" changes a value and announces it (INF), "infc HOST EPC" announces with receipt, "quiet" and "talk"
// stop and start answering. On stdout: "ready", "set EPC HEX" and "set2 EPC HEX" (SetC came to instance 1, 2), "receipt EPC" (INFC_Res came).
'use strict';
const dgram = require('dgram');
const readline = require('readline');
const EL = require('echonet-lite');

const [address, port] = [process.argv[2], Number(process.argv[3])];
const charger = '02a101', second = '02a102', group = '224.0.23.0';

// The library joins on whatever interface the kernel picks; a host may have none besides the loopback.
const join = dgram.Socket.prototype.addMembership;
dgram.Socket.prototype.addMembership = function (multicast) {
    return join.call(this, multicast, address);
};
EL.EL_port = port;

const values = {
    [charger]: {
        '80': [0x30], '81': [0x00], '82': [0x00, 0x00, 0x52, 0x00], '88': [0x42], '8a': [0x00, 0x00, 0x77],
        '9d': [0x05, 0x80, 0x81, 0x88, 0xc7, 0xda],
        '9e': [0x03, 0x81, 0xda, 0xed],
        '9f': [], 'c5': [0x00, 0x00, 0x17, 0x70], 'c7': [0x30], 'ca': [0x00, 0x3c, 0x01, 0x40], 'cc': [0x11],
        'd3': [0x00, 0x00, 0x00, 0x00], 'd8': [0x00, 0x01, 0xe2, 0x40], 'da': [0x44], 'ed': [0x00, 0xa0],
    },
};
let quiet = false;

function bitmap(object) { // the Get map from what there is
    const epcs = Object.keys(object).map((epc) => parseInt(epc, 16));
    const map = new Array(17).fill(0);
    map[0] = epcs.length;
    for (const epc of epcs)
        map[1 + (epc & 15)] |= 1 << ((epc >> 4) - 8);
    return map;
}

function on_frame(from, frame, error) {
    if (error || quiet || !frame || !values[frame.DEOJ]) {
        if (frame && frame.ESV === EL.INFC_RES)
            console.log('receipt ' + Object.keys(frame.DETAILs).join(','));
        return;
    }
    if (frame.ESV === EL.GET)
        EL.replyGetDetail(from, frame, values);
    if (frame.ESV === EL.SETC || frame.ESV === EL.SETI) {
        for (const epc in frame.DETAILs) {
            console.log(`set${frame.DEOJ === second ? 2 : ''} ${epc} ${frame.DETAILs[epc]}`);
            if (values[frame.DEOJ][epc])
                values[frame.DEOJ][epc] = EL.toHexArray(frame.DETAILs[epc]);
        }
        EL.replySetDetail(from, frame, values);
    }
    if (frame.ESV === EL.INFC_RES)
        console.log('receipt ' + Object.keys(frame.DETAILs).join(','));
}

function obey(line) {
    const [verb, first, data, object] = line.trim().split(' ');
    if (verb === 'set') {
        values[object || charger][first] = EL.toHexArray(data);
        EL.sendOPC1(group, object || charger, '0ef001', EL.INF, first, data);
    } else if (verb === 'infc') {
        EL.sendOPC1(first, charger, '05ff01', EL.INFC, data, values[charger][data]);
    } else if (verb === 'quiet' || verb === 'talk') {
        quiet = verb === 'quiet';
    }
}

values[charger]['9f'] = bitmap(values[charger]);
values[second] = { ...values[charger], 'c7': [0x41], 'd8': [0x00, 0x00, 0x00, 0x07] };
delete values[second]['d3'];
values[second]['9f'] = bitmap(values[second]);
EL.initialize([charger, second], on_frame, 4, { v4: address, ignoreMe: false, autoGetProperties: false }).then((socket) => {
    socket.on('listening', () => console.log('ready'));
});
readline.createInterface({ input: process.stdin }).on('line', obey).on('close', () => process.exit(0));
