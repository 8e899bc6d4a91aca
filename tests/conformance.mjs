// Loaded before the conformance suite: it cannot send a key of its own accord, and asks for Node 22.
import * as fs from "node:fs";
import http from "node:http";
import { register } from "node:module";
import { getGlobalDispatcher, setGlobalDispatcher } from "undici";

const server = new URL(process.env.CONFORMANCE_URL);
const authorization = `Bearer ${process.env.CONFORMANCE_KEY}`;

function signed(dispatch) {
  return function dispatchSigned(options, handler) {
    if (String(options.origin) !== server.origin) {
      throw new Error(`the suite speaks to ${options.origin}, not only to the server under test`);
    }
    const headers = Array.isArray(options.headers)
      ? [...options.headers, "authorization", authorization]
      : { ...options.headers, authorization };
    return dispatch({ ...options, headers }, handler);
  };
}

setGlobalDispatcher(getGlobalDispatcher().compose(signed));
const request = http.request;
http.request = (options, ...rest) =>
  request({ ...options, headers: { ...options.headers, authorization } }, ...rest);

// The suite imports fs.globSync, which Node 20 lacks, for a command that we do not use.
if (!("globSync" in fs)) {
  const source = `export * from "node:fs"; export { default } from "node:fs"; export const globSync = undefined;`;
  const hooks = `
    export function resolve(name, context, next) {
      return name === "fs" ? { url: "without-glob:fs", shortCircuit: true } : next(name, context);
    }
    export function load(url, context, next) {
      const found = { format: "module", source: ${JSON.stringify(source)}, shortCircuit: true };
      return url === "without-glob:fs" ? found : next(url, context);
    }`;
  register(`data:text/javascript,${encodeURIComponent(hooks)}`);
}
