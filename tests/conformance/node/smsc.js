'use strict';
// The npm package smpp as an SMSC that does what standard input says and tells on standard output what it sees, a JSON object a line.
// Orders: {"do": "plan", "answers": [...]}, "deliver", "enquire", "unbind", "kill" and "refuse"; README.md says what each takes.
const readline = require('readline');
const smpp = require('smpp');

const sessions = new Set();
let answers = [];
let bindStatus = 0;
let lastId = 0;

function tell(event, facts) {
  process.stdout.write(JSON.stringify({ event, ...facts }) + '\n');
}

function receivers() {
  return [...sessions].filter((session) => session.bound && session.bound !== 'bind_transmitter');
}

function deliver(order, done) {
  const options = { ...order.fields };
  if (order.hex !== undefined) options.short_message = Buffer.from(order.hex, 'hex');
  if (options.message_payload !== undefined) options.message_payload = Buffer.from(options.message_payload, 'hex');
  const command = order.command || 'deliver_sm';
  receivers()[0][command](options, (response) => {
    tell('delivered', { tag: order.tag, command: response.command, status: response.command_status });
  }, done);
}

function answer(session, pdu, plan) {
  if (plan.drop) return;
  if (plan.nack !== undefined) {
    session.send(new smpp.PDU('generic_nack', { sequence_number: pdu.sequence_number, command_status: plan.nack }));
    return;
  }
  const id = plan.id !== undefined ? plan.id : String(++lastId);
  const respond = () => session.send(pdu.response(plan.status ? { command_status: plan.status } : { message_id: id }));
  if (plan.receipt_first) deliver({ tag: 'first', ...plan.receipt_first }, respond);
  else if (plan.after_ms) setTimeout(respond, plan.after_ms);
  else respond();
}

function seen(pdu) {
  const { message, udh } = pdu.short_message;
  const facts = { text: Buffer.isBuffer(message) ? null : message, udh: (udh || []).map((one) => one.toString('hex')) };
  for (const name of ['source_addr_ton', 'source_addr_npi', 'source_addr', 'dest_addr_ton', 'dest_addr_npi', 'destination_addr',
    'esm_class', 'registered_delivery', 'data_coding', 'user_message_reference', 'service_type']) facts[name] = pdu[name];
  return facts;
}

const server = smpp.createServer((session) => {
  sessions.add(session);
  session.on('error', () => session.destroy());
  session.on('close', () => { sessions.delete(session); tell('closed', { bind: session.bound || null }); });
  for (const command of ['bind_transceiver', 'bind_transmitter', 'bind_receiver']) {
    session.on(command, (pdu) => {
      if (!bindStatus) session.bound = command;
      session.send(pdu.response(bindStatus ? { command_status: bindStatus } : { system_id: 'node' }));
      tell('bind', { command, system_id: pdu.system_id, password: pdu.password, status: bindStatus });
    });
  }
  session.on('submit_sm', (pdu) => { tell('submit', seen(pdu)); answer(session, pdu, answers.shift() || {}); });
  session.on('enquire_link', (pdu) => { session.send(pdu.response()); tell('enquire', {}); });
  session.on('unbind', (pdu) => { tell('unbind', {}); session.send(pdu.response()); session.close(); });
});

const ORDERS = {
  plan: (order) => { answers = answers.concat(order.answers); },
  deliver: (order) => deliver(order),
  enquire: () => [...sessions].forEach((session) => session.enquire_link((response) => tell('enquired', { command: response.command }))),
  unbind: () => [...sessions].forEach((session) => session.unbind((response) => { tell('unbound', { command: response.command }); session.close(); })),
  kill: () => [...sessions].forEach((session) => session.destroy()),
  refuse: (order) => { bindStatus = order.status; },
};

readline.createInterface({ input: process.stdin })
  .on('line', (line) => { const order = JSON.parse(line); ORDERS[order.do](order); tell('done', { order: order.do }); })
  .on('close', () => process.exit(0));
server.listen(0, '127.0.0.1', () => tell('listening', { port: server.address().port }));
