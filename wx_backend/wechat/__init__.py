"""Everything that speaks WeChat's protocol: crypto, client, templates, carriers, menu."""
