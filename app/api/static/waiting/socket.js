/**
 * graphql-transport-ws, as much of it as a few subscriptions need: connects, notices silence, comes back by itself.
 * Knows nothing of queues. `feeds`: operations by name; `onData` gets the data of each item, `onOver` the name of a feed
 * that has ended or was refused, `onState` whether it is connected.
 */
function liveFeeds({ url, token, feeds, onData, onOver, onState }) {
  const SILENCE_MS = 15_000;
  const MOST_MS = 30_000;
  let ws = null;
  let timer;
  let retries = 0;
  let isClosed = false;
  const self = { isLive: false, close, wake };

  function open() {
    const own = (ws = new WebSocket(url, "graphql-transport-ws"));
    const send = (message) => own.readyState === WebSocket.OPEN && own.send(JSON.stringify(message));
    // A network that swallows everything closes nothing: only silence shows it.
    let silence = setTimeout(() => own.close(), SILENCE_MS);
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => {
        send({ type: "ping" });
        silence = setTimeout(() => own.close(), SILENCE_MS);
      }, SILENCE_MS);
    };
    own.onopen = () => send({ type: "connection_init", payload: { authorization: `Bearer ${token}` } });
    own.onmessage = ({ data }) => {
      heard();
      if (isClosed) return;
      const message = JSON.parse(data);
      if (message.type === "ping") send({ type: "pong" });
      if (message.type === "connection_ack") {
        retries = 0;
        self.isLive = true;
        onState(true);
        for (const [id, payload] of Object.entries(feeds)) send({ id, type: "subscribe", payload });
      }
      if (message.type === "next" && message.payload.data) onData(message.payload.data);
      if (message.type === "error" || message.type === "complete") onOver(message.id);
    };
    own.onclose = () => {
      clearTimeout(silence);
      self.isLive = false;
      if (isClosed || own !== ws) return;
      onState(false);
      const wait = Math.min(MOST_MS, 500 * 2 ** Math.min(retries, 6));
      retries += 1;
      timer = setTimeout(open, wait / 2 + (Math.random() * wait) / 2);
    };
  }

  function close() {
    isClosed = true;
    clearTimeout(timer);
    ws.close();
  }

  /** Do not wait out the pause. */
  function wake() {
    if (self.isLive || isClosed || ws.readyState === WebSocket.CONNECTING) return;
    clearTimeout(timer);
    open();
  }

  open();
  return self;
}
