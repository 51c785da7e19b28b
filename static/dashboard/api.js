/** The page's own requests: JSON in and out, with the token that Django wants from a page. */

const token = () => document.querySelector("meta[name=csrf-token]")?.content ?? "";

export class Refused extends Error {}

async function ask(method, path, body) {
  const headers = { Accept: "application/json", "X-CSRFToken": token() };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const response = await fetch(path, { method, headers, body: body && JSON.stringify(body), credentials: "same-origin" });
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw new Refused(sentence(answer) ?? `The server answered ${response.status}.`);
  return answer;
}

/** The first sentence in an error body: our own, REST framework's `detail`, or its lists per field. */
function sentence(answer) {
  if (typeof answer === "string") return answer;
  if (Array.isArray(answer)) return sentence(answer[0]);
  if (answer === null || typeof answer !== "object") return null;
  const [[field, first] = []] = Object.entries(answer);
  const own = answer.message ?? answer.detail;
  return own ? sentence(own) : first && `${field}: ${sentence(first)}`;
}

export const endpointSchema = (id) => ask("GET", `/api/v1/endpoints/${id}/schema`);
export const drift = (id) => ask("GET", `/api/v1/endpoints/${id}/drift`);
export const endpoints = () => ask("GET", "/api/v1/endpoints");
export const tests = () => ask("GET", "/api/v1/abtests");
export const experiment = (id) => ask("GET", `/api/v1/abtests/${id}`);
export const plan = (id, wishes) => ask("GET", `/api/v1/endpoints/${id}/plan?${new URLSearchParams(wishes)}`);
export const startTest = (test) => ask("POST", "/api/v1/abtests", test);
export const stopTest = (id) => ask("POST", `/api/v1/stop_ab_test/${id}`, {});
export const reweight = (id, weights) => ask("POST", `/api/v1/abtests/${id}/reweight`, { weights });
export const widen = (id, coverage) => ask("PATCH", `/api/v1/abtests/${id}`, { coverage });
export const rollBack = (id) => ask("POST", `/api/v1/abtests/${id}/rollback`, {});
export const promote = (id, arm) => ask("POST", `/api/v1/abtests/${id}/promote`, { arm });
export const promoteAlgorithm = (id, reason, force) => ask("POST", `/api/v1/mlalgorithms/${id}/promote`, { reason, force });
export const returnEndpoint = (id, reason) => ask("POST", `/api/v1/endpoints/${id}/rollback`, { reason });
export const evaluations = (id) => ask("GET", `/api/v1/evaluations?algorithm=${id}&limit=100`);
export const label = (requestId, feedback) => ask("PUT", `/api/v1/mlrequests/${requestId}`, { feedback });
