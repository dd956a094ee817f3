// Talks to virtual devices as a user of the npm package miio would: reads a JSON
// list of {model, host, token} from standard input and writes one JSON line for
// each device. The package's folder comes first on the command line.
'use strict';
const path = require('path');
const miio = require(path.join(process.argv[2], 'miio'));

// What to ask each model, in the package's own words or by raw calls.
const plans = {
	'chuangmi.plug.m1': async d => {
		const before = await d.power();
		await d.setPower(false);
		return {before, after: await d.power()};
	},
	'zhimi.airpurifier.m1': async d => {
		await d.setMode('silent');
		return {mode: await d.mode(), temperature: (await d.temperature()).value, humidity: await d.relativeHumidity()};
	},
	'philips.light.bulb': async d => {
		await d.setPower(true);
		await d.setBrightness(42);
		return {on: await d.power(), brightness: await d.brightness()};
	},
	'roborock.vacuum.s5': async d => {
		await d.activateCleaning();
		return {cleaning: await d.cleaning(), battery: await d.batteryLevel()};
	},
};

plans['chunmi.cooker.normal2'] = async d => ({all: (await d.miioCall('get_prop', ['all'])).length});

// Models that the package has no words for are asked by its raw calls.
async function raw(d) {
	const read = async () => (await d.miioCall('get_properties', [{did: 'x', siid: 2, piid: 1}]))[0];
	const before = await read();
	const list = [{did: 'x', siid: 2, piid: 1, value: !before.value}];
	const code = typeof before.value === 'boolean' ? (await d.miioCall('set_properties', list))[0].code : 0;
	return {before: before.value, code, after: (await read()).value};
}

async function ask(device) {
	const line = {model: device.model};
	let d;
	try {
		d = await miio.device({address: device.host, token: device.token});
		line.info = d.miioModel;
		line.did_it = await (plans[device.model] || raw)(d);
	} catch (err) {
		line.error = String(err);
	}
	if (d) d.destroy();
	return line;
}

let text = '';
process.stdin.on('data', chunk => { text += chunk; });
process.stdin.on('end', async () => {
	for (const device of JSON.parse(text)) console.log(JSON.stringify(await ask(device)));
	process.exit(0);
});
