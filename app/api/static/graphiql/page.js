/*
 * Starts GraphiQL: operations go by POST, subscriptions over graphql-transport-ws with the headers as init payload.
 * A sign-in made here (any answer with an `accessToken`) is used for operations that bring no Authorization header of
 * their own, and kept for this browser tab only.
 */
"use strict";

const settings = JSON.parse(document.getElementById("settings").textContent);
const endpoint = new URL(window.location.pathname, window.location.href);
const socketUrl = new URL(endpoint);
socketUrl.protocol = endpoint.protocol === "https:" ? "wss:" : "ws:";

const TOKEN = "vq:accessToken";

function showSignIn() {
  const bar = document.getElementById("signed-in");
  bar.hidden = sessionStorage.getItem(TOKEN) === null;
  bar.querySelector("span").textContent =
    "Signed in: the access token of your last sign-in is sent where a tab has no Authorization header of its own.";
}

document.querySelector("#signed-in button").addEventListener("click", () => {
  sessionStorage.removeItem(TOKEN);
  showSignIn();
});

function rememberSignIn(data) {
  for (const value of Object.values(data ?? {})) {
    if (typeof value?.accessToken === "string") {
      sessionStorage.setItem(TOKEN, value.accessToken);
      showSignIn();
    }
  }
}

function withSignIn(headers) {
  const token = sessionStorage.getItem(TOKEN);
  const has = Object.keys(headers).some((name) => name.toLowerCase() === "authorization");
  return token === null || has ? headers : { ...headers, authorization: `Bearer ${token}` };
}

function isSubscription(params, document) {
  const operations = document?.definitions.filter((node) => node.kind === "OperationDefinition") ?? [];
  const chosen = operations.find((node) => node.name?.value === params.operationName) ?? operations[0];
  return chosen?.operation === "subscription";
}

async function post(params, headers) {
  const response = await fetch(endpoint, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/graphql-response+json, application/json;q=0.9",
      ...headers,
    },
    body: JSON.stringify(params),
  });
  const result = await response.json();
  rememberSignIn(result.data);
  return result;
}

function readable(problem) {
  if (problem instanceof CloseEvent) {
    return new Error(`The server closed the socket: ${problem.code} ${problem.reason}`);
  }
  return Array.isArray(problem) ? { errors: problem } : problem;
}

function subscribe(params, headers) {
  return {
    subscribe(observer) {
      const client = graphqlWs.createClient({ url: socketUrl.href, connectionParams: headers, retryAttempts: 10 });
      const stop = client.subscribe(params, {
        next: (result) => observer.next(result),
        error: (problem) => observer.error(readable(problem)),
        complete: () => observer.complete(),
      });
      return {
        unsubscribe() {
          stop();
          client.dispose();
        },
      };
    },
  };
}

function fetcher(params, options) {
  const headers = withSignIn(options?.headers ?? {});
  return isSubscription(params, options?.documentAST) ? subscribe(params, headers) : post(params, headers);
}

showSignIn();
ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, {
    fetcher,
    defaultTabs: settings.tabs,
    defaultQuery: settings.defaultQuery,
    defaultEditorToolsVisibility: true,
    shouldPersistHeaders: false,
    showPersistHeadersSettings: false,
  }),
);
