"""The WebSocket side: it speaks frames and decides nothing."""
