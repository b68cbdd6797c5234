"""The first night on duty, played over real wires: three processes, two stories, one timeline."""
