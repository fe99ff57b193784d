// node p_map.mjs P-MAP: the same in JavaScript, with the index.js of a p-map of any version.
import assert from 'node:assert/strict';
import {pathToFileURL} from 'node:url';

const {default: pMap} = await import(pathToFileURL(process.argv[2]));

let inFlight = 0;
let mostInFlight = 0;
const fetchPage = async url => {
  mostInFlight = Math.max(mostInFlight, ++inFlight);
  await new Promise(resolve => setTimeout(resolve, 20));
  inFlight--;
  if (url === '/missing') throw new Error('there is no /missing');
  return `text of ${url}`;
};

const fetchAll = urls => pMap(urls, fetchPage, {concurrency: 4});

const urls = Array.from({length: 24}, (_, i) => `/page/${i}`);
assert.deepEqual(await fetchAll(urls), urls.map(url => `text of ${url}`));
assert.equal(mostInFlight, 4);

urls[2] = '/missing';
await assert.rejects(fetchAll(urls), {message: 'there is no /missing'});
assert.notEqual(inFlight, 0); // what had begun goes on after the rejection
